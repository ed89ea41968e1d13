/*
 * Tries to get at what a patch must not reach, and says LEAKED with what it got. RUNNER, PORT, SOCKET, SECRET and WORKSPACE
 * are defined by the test: the runner's process, a port that listens, a socket that listens and files that anybody may read.
 */
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>

extern char **environ;

static int attempts;

static void report(int leaked, const char *what)
{
    attempts++;
    if (leaked)
        printf("LEAKED %s\n", what);
}

static int readable(const char *path)
{
    char text[64];
    int file = open(path, O_RDONLY);
    int got = file >= 0 && read(file, text, sizeof text) > 0;
    if (file >= 0)
        close(file);
    return got;
}

/* A variable of the runner: cargo gives every test some whose names begin with CARGO. */
static int holds_foreign_variables(const char *process)
{
    char path[300], text[65536];
    snprintf(path, sizeof path, "/proc/%s/environ", process);
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    size_t length = fread(text, 1, sizeof text - 6, file);
    fclose(file);
    for (size_t at = 0; at + 5 < length; at++)
        if (!memcmp(text + at, "CARGO", 5))
            return 1;
    return 0;
}

static void variables(void)
{
    for (char **one = environ; *one; one++)
        report(strncmp(*one, "PATH=", 5) && strncmp(*one, "HOME=", 5) && strncmp(*one, "TMPDIR=", 7) &&
                   strncmp(*one, "LANG=", 5) && strncmp(*one, "PWD=", 4) && strncmp(*one, "_=", 2) &&
                   strncmp(*one, "OLDPWD=", 7) && strncmp(*one, "SHLVL=", 6),
               *one);
    DIR *all = opendir("/proc");
    struct dirent *entry;
    while (all && (entry = readdir(all)))
        report(holds_foreign_variables(entry->d_name), "the variables of another process");
    char runner[32];
    snprintf(runner, sizeof runner, "%d", RUNNER);
    report(holds_foreign_variables(runner), "the runner's variables");
    report(holds_foreign_variables("1"), "the variables of process 1");
}

static void files(void)
{
    report(readable(SECRET), "a file beside its folder");
    report(readable(WORKSPACE), "a file of the workspace");
    report(readable("/etc/shadow"), "the passwords");
    report(open("/tmp/" MARKER "-outside", O_CREAT | O_WRONLY, 0600) >= 0, "a file in /tmp that it wrote");
    report(open("/dev/shm/" MARKER "-outside", O_CREAT | O_WRONLY, 0600) >= 0, "a file in /dev/shm that it wrote");
    report(opendir("/tmp") != NULL, "the list of /tmp");
    report(opendir("/root") != NULL, "the list of /root");
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", RUNNER);
    report(open(path, O_RDONLY) >= 0, "the runner's memory");
    snprintf(path, sizeof path, "/proc/%d/root/" SECRET, RUNNER);
    report(readable(path), "a file by way of the runner's root");
}

static void processes(void)
{
    report(kill(RUNNER, 0) == 0, "a signal to the runner");
    report(ptrace(PTRACE_ATTACH, RUNNER, 0, 0) == 0, "a hold on the runner");
}

static int connects_to(const char *path, int is_abstract)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int one = socket(AF_UNIX, SOCK_STREAM, 0);
    strncpy(address.sun_path + is_abstract, path, sizeof address.sun_path - 2);
    return one >= 0 && connect(one, (struct sockaddr *)&address, sizeof address) == 0;
}

static void sockets(void)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int stream = socket(AF_INET, SOCK_STREAM, 0), datagram = socket(AF_INET, SOCK_DGRAM, 0);
    report(stream >= 0 && connect(stream, (struct sockaddr *)&here, sizeof here) == 0, "a connection to the network");
    report(datagram >= 0 && sendto(datagram, "x", 1, 0, (struct sockaddr *)&here, sizeof here) == 1, "a datagram");
    report(socket(AF_INET6, SOCK_STREAM, 0) >= 0, "a socket of IPv6");
    report(socket(AF_NETLINK, SOCK_RAW, 0) >= 0, "a socket to the kernel");
    report(connects_to(SOCKET, 0), "a connection to a local socket");
    report(connects_to("/var/run/docker.sock", 0), "the Docker socket");
    report(connects_to("/run/docker.sock", 0), "the Docker socket");
    report(connects_to(MARKER, 1), "a connection to an abstract socket");
}

static void snoop(void)
{
    variables();
    files();
    processes();
    sockets();
    printf("%d attempts\n", attempts);
    fflush(stdout);
}
