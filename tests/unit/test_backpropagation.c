/* The learning code against definitions: finite differences, optimizers by hand, any portions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ml/backpropagation/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct net net, pushed;

static void assert_near(double a, double b, double within)
{
    if (!(fabs(a - b) <= within))
        fail_msg("%.12g is not %.12g within %g", a, b, within);
}

static void make(uint32_t inputs, const char *hidden, uint32_t outputs,
                 Backpropagation__Activation activation, uint64_t seed)
{
    uint32_t sizes[NET_LAYERS_MAX];
    struct random random;
    int n = net_hidden(hidden, sizes);
    assert_true(n >= 0);
    net_shape(&net, inputs, sizes, (uint32_t)n, outputs, activation);
    random_seed(&random, seed);
    net_draw(&net, &random);
    for (uint32_t i = 0; i < net.n_weights; i++) /* Biases, too. */
        net.weights[i] += 0.1 * (random_unit(&random) - 0.5);
}

static void each_gradient_is_its_finite_difference(void **state)
{
    (void)state;
    static const char *const shapes[] = {"", "3", "4,4", "5,3,4,2"};
    const double inputs[3] = {0.7, -0.4, 0.2}, h = 1e-6;
    for (int a = 0; a < 4; a++)
        for (size_t s = 0; s < 4; s++)
            for (uint32_t outputs = 1; outputs <= 3; outputs += 2) {
                bool right;
                make(3, shapes[s], outputs, (Backpropagation__Activation)a, 17 + s);
                (void)net_try(&net, inputs, outputs - 1, &right);
                net_learn(&net, 0);
                for (uint32_t i = 0; i < net.n_weights; i++) {
                    pushed = net;
                    pushed.weights[i] = net.weights[i] + h;
                    double more = net_try(&pushed, inputs, outputs - 1, &right);
                    pushed.weights[i] = net.weights[i] - h;
                    double less = net_try(&pushed, inputs, outputs - 1, &right);
                    assert_near(net.sums[i], (more - less) / (2 * h), 1e-8);
                }
            }
}

static void a_wrong_transpose_is_no_gradient(void **state)
{
    (void)state;
    const double inputs[2] = {0.7, -0.4};
    bool right;
    make(2, "4,4", 1, BACKPROPAGATION__ACTIVATION__TANH, 3);
    (void)net_try(&net, inputs, 1, &right);
    net_learn(&net, 0);
    pushed = net;
    memset(pushed.sums, 0, sizeof pushed.sums);
    pushed.wrong_transpose = true;
    net_learn(&pushed, 0);
    assert_memory_not_equal(net.sums, pushed.sums, net.offsets[2] * sizeof(double));
    /* What is not handed down is right still. */
    assert_memory_equal(net.sums + net.offsets[3], pushed.sums + net.offsets[3],
                        5 * sizeof(double));
}

static void losses_are_those_of_the_definition(void **state)
{
    (void)state;
    const double inputs[2] = {0.5, -1};
    bool right;
    make(2, "", 1, BACKPROPAGATION__ACTIVATION__TANH, 1);
    net.weights[0] = 2, net.weights[1] = 1, net.weights[2] = 0.5; /* z = 0.5 */
    assert_near(net_try(&net, inputs, 1, &right), -log(1 / (1 + exp(-0.5))), 1e-15);
    assert_true(right);
    assert_near(net_try(&net, inputs, 0, &right), -log(1 - 1 / (1 + exp(-0.5))), 1e-15);
    assert_false(right);
    net.weights[2] = 800; /* Nothing overflows. */
    assert_near(net_try(&net, inputs, 0, &right), 800, 1e-12);
    make(2, "", 3, BACKPROPAGATION__ACTIVATION__TANH, 1);
    double loss = net_try(&net, inputs, 2, &right);
    const double *z = net.z[1];
    assert_near(loss, log(exp(z[0]) + exp(z[1]) + exp(z[2])) - z[2], 1e-14);
}

static void optimizers_do_what_their_papers_say(void **state)
{
    (void)state;
    static struct optimizer o;
    double w[1] = {1}, added[1], g[1] = {0.5};
    o.kind = BACKPROPAGATION__OPTIMIZER__SGD;
    optimizer_update(&o, 0.1, w, g, 1, added);
    assert_near(w[0], 0.95, 1e-15);
    o = (struct optimizer){.kind = BACKPROPAGATION__OPTIMIZER__MOMENTUM};
    w[0] = 1;
    optimizer_update(&o, 0.1, w, g, 1, added);
    optimizer_update(&o, 0.1, w, g, 1, added);
    assert_near(w[0], 1 - 0.1 * 0.5 - 0.1 * (0.9 * 0.5 + 0.5), 1e-15);
    o = (struct optimizer){.kind = BACKPROPAGATION__OPTIMIZER__ADAM};
    w[0] = 1;
    optimizer_update(&o, 0.1, w, g, 1, added); /* The first step of Adam is the rate itself. */
    assert_near(w[0], 0.9, 1e-8);
    g[0] = -0.5;
    optimizer_update(&o, 0.1, w, g, 1, added);
    double m = (0.9 * 0.05 - 0.05) / (1 - 0.81), v = 0.25;
    assert_near(added[0], -0.1 * m / (sqrt(v) + 1e-8), 1e-12);
}

static Backpropagation__Settings settings(void)
{
    static char hidden[] = "4,3";
    Backpropagation__Settings s = BACKPROPAGATION__SETTINGS__INIT;
    s.points = 50;
    s.noise = 0.1;
    s.hidden = hidden;
    s.rate = 0.3;
    s.batch = 4;
    return s;
}

static struct trainer one, other;

static void any_portions_give_the_same_bits(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        Backpropagation__Settings s = settings();
        s.optimizer = (Backpropagation__Optimizer)kind;
        memset(&one, 0, sizeof one);
        memset(&other, 0, sizeof other);
        trainer_init(&one, &s, 9);
        trainer_init(&other, &s, 9);
        uint32_t portion = 1;
        while (one.step <= 30)
            trainer_go(&one, UINT32_MAX);
        while (other.step <= 30)
            trainer_go(&other, portion = 1 + portion * 7 % 5);
        assert_memory_equal(&one, &other, sizeof one);
    }
}

static void what_is_behind_a_cut_stays(void **state)
{
    (void)state;
    Backpropagation__Settings s = settings();
    s.cut = 2;
    s.optimizer = BACKPROPAGATION__OPTIMIZER__MOMENTUM;
    memset(&one, 0, sizeof one);
    trainer_init(&one, &s, 9);
    other = one;
    while (one.step <= 5)
        trainer_go(&one, UINT32_MAX);
    uint32_t last = one.net.offsets[3];
    assert_memory_equal(one.net.weights, other.net.weights, last * sizeof(double));
    assert_memory_not_equal(one.net.weights + last, other.net.weights + last, 4 * sizeof(double));
}

static void sets_have_both_classes_alike_often(void **state)
{
    (void)state;
    static struct data d;
    for (int kind = 0; kind < 4; kind++) {
        struct random random;
        uint32_t ones = 0;
        random_seed(&random, 5);
        data_make(&d, (Backpropagation__Data)kind, 100, 0.1, &random);
        for (uint32_t i = 0; i < 100; i++) {
            ones += d.labels[i];
            assert_true(fabs(d.xy[i][0]) < 3 && fabs(d.xy[i][1]) < 3);
        }
        assert_int_equal(ones, 50);
    }
    uint32_t counts[10] = {0};
    struct random random;
    random_seed(&random, 5);
    data_make(&d, BACKPROPAGATION__DATA__DIGITS, DATA_DIGITS, 0, &random);
    for (uint32_t i = 0; i < DATA_DIGITS; i++) {
        double pixels[DATA_PIXELS];
        data_inputs(&d, i, pixels);
        for (uint32_t k = 0; k < DATA_PIXELS; k++)
            assert_true(pixels[k] >= 0 && pixels[k] <= 1);
        counts[d.labels[i]]++;
    }
    for (int c = 0; c < 10; c++)
        assert_int_equal(counts[c], 40);
}

static void layers_are_read(void **state)
{
    (void)state;
    uint32_t sizes[NET_LAYERS_MAX];
    assert_int_equal(net_hidden("", sizes), 0);
    assert_int_equal(net_hidden("4,32", sizes), 2);
    assert_int_equal(sizes[1], 32);
    static const char *const bad[] = {"0", "33", "4,", ",4", "4;4", "x", "-1", "1,1,1,1,1,1,1,1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(net_hidden(bad[i], sizes), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_gradient_is_its_finite_difference),
        cmocka_unit_test(a_wrong_transpose_is_no_gradient),
        cmocka_unit_test(losses_are_those_of_the_definition),
        cmocka_unit_test(optimizers_do_what_their_papers_say),
        cmocka_unit_test(any_portions_give_the_same_bits),
        cmocka_unit_test(what_is_behind_a_cut_stays),
        cmocka_unit_test(sets_have_both_classes_alike_often),
        cmocka_unit_test(layers_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
