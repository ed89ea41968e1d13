/*
 * worker: takes jobs off the queue and works on them, one buffer a job.
 *
 * Runs in a pod that may use 64 MiB (k8s/deployment.yaml).
 */
#include <stdlib.h>
#include <unistd.h>

#define BUFFER_SIZE (10 * 1024 * 1024)
#define PAGE_SIZE 4096
#define PAUSE_MICROSECONDS 200000

/* Writes to every page, so that the kernel really hands out the memory. */
static void process_work(char *buffer)
{
    if (buffer == NULL)
        return;
    for (size_t at = 0; at < BUFFER_SIZE; at += PAGE_SIZE)
        buffer[at] = 1;
}

/* Serves the queue until the pod is stopped. */
static void controller(void)
{
    while (1) {
        char *buffer = malloc(BUFFER_SIZE);
        process_work(buffer);
        usleep(PAUSE_MICROSECONDS);
    }
}

int main(void)
{
    controller();
    return 0;
}
