#include "agent/init.h"

#include "base/check.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whoever ended; when that was our child, so do we. */
static void reap(pid_t child)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == child)
            _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static _Noreturn void watch_over(pid_t child, const sigset_t *all)
{
    for (;;) {
        int number = sigwaitinfo(all, NULL);
        if (number == SIGCHLD)
            reap(child);
        else if (number > 0)
            kill(child, number);
        else
            CHECK(errno == EINTR);
    }
}

void init_if_first(void)
{
    sigset_t all, before;
    if (getpid() != 1)
        return;
    sigfillset(&all);
    /* Blocked first: what comes from now on waits for us, or for the child that has them back. */
    CHECK(sigprocmask(SIG_BLOCK, &all, &before) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child > 0)
        watch_over(child, &all);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    CHECK(sigprocmask(SIG_SETMASK, &before, NULL) == 0);
}
