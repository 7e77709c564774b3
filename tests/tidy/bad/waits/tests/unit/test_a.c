static void a(void)
{
    usleep(1000);
    usleep(1000); /* polls */
}
