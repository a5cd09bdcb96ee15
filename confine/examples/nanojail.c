/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server that jails itself: nanojail FILE.  nanojail.rs is the same in Rust and
 * says what is in the file.
 *
 *	cc -o nanojail nanojail.c -lpthread
 */
#include <sys/types.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sysexits.h>

#include <rjail_confine.h>

static char path[1024], hostname[256], file[1024] = "/etc/motd";
static struct in_addr ip4[8];
static struct in6_addr ip6[8];
static unsigned int ip4s, ip6s, port = 17, user = 65534;
static int queue[2];

static void
configure(const char *name, const char *value)
{
	if (strcmp(name, "path") == 0)
		strlcpy(path, value, sizeof(path));
	else if (strcmp(name, "hostname") == 0)
		strlcpy(hostname, value, sizeof(hostname));
	else if (strcmp(name, "file") == 0)
		strlcpy(file, value, sizeof(file));
	else if (strcmp(name, "port") == 0)
		port = (unsigned int)strtoul(value, NULL, 10);
	else if (strcmp(name, "user") == 0)
		user = (unsigned int)strtoul(value, NULL, 10);
	else if (strcmp(name, "address") != 0)
		errx(EX_CONFIG, "%s: no such setting", name);
	else if (ip4s < 8 && inet_pton(AF_INET, value, &ip4[ip4s]) == 1)
		ip4s++;
	else if (ip6s < 8 && inet_pton(AF_INET6, value, &ip6[ip6s]) == 1)
		ip6s++;
	else
		errx(EX_CONFIG, "%s: no address", value);
}

/* A thread from before goes into the jail as well. */
static void *
work(void *unused)
{
	char buffer[4096];
	ssize_t length;
	int connection, fd;

	(void)unused;
	while (read(queue[0], &connection, sizeof(connection)) ==
	    (ssize_t)sizeof(connection)) {
		/* By its name in the jail: the machine's is out of reach. */
		fd = open(file, O_RDONLY);
		if (fd == -1)
			dprintf(connection, "%s: %s\n", file, strerror(errno));
		else
			while ((length = read(fd, buffer, sizeof(buffer))) > 0)
				if (write(connection, buffer, (size_t)length) == -1)
					break;
		if (fd != -1)
			close(fd);
		close(connection);
	}
	return (NULL);
}

int
main(int argc, char **argv)
{
	struct rjail_refusal why;
	struct sockaddr_in sin = {
		.sin_len = sizeof(sin), .sin_family = AF_INET,
	};
	struct rjail_args args = {
		.size = sizeof(args), .version = RJAIL_VERSION,
		.path = path, .hostname = hostname, .ip4 = ip4, .ip6 = ip6,
		.flags = RJAIL_PAPER,
	};
	char line[1280], *name, *rest, *value, text[INET_ADDRSTRLEN];
	FILE *configuration;
	gid_t group;
	int64_t jid;
	pthread_t worker;
	socklen_t length = sizeof(sin);
	int connection, listener, on = 1;

	if (argc != 2) {
		fprintf(stderr, "usage: nanojail FILE\n");
		return (EX_USAGE);
	}
	if ((configuration = fopen(argv[1], "re")) == NULL)
		err(EX_NOINPUT, "%s", argv[1]);
	while (fgets(line, sizeof(line), configuration) != NULL) {
		rest = line;
		name = strsep(&rest, " \n");
		value = rest != NULL ? strsep(&rest, "\n") : NULL;
		if (*name != '\0')
			configure(name, value != NULL ? value : "");
	}
	fclose(configuration);

	if (pipe(queue) == -1)
		err(EX_OSERR, "pipe");
	if (pthread_create(&worker, NULL, work, NULL) != 0)
		errx(EX_OSERR, "no thread");

	args.ip4s = ip4s;
	args.ip6s = ip6s;
	jid = rjail_confine(&args, &why);
	if (jid == -1)
		errx(why.step != 0 ? EX_NOPERM : EX_OSERR, "rjail(2): %s",
		    why.text);

	/* Its port may be a low one, so root goes only now. */
	sin.sin_port = htons((uint16_t)port);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (listener == -1 ||
	    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(listener, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(listener, 16) == -1 ||
	    getsockname(listener, (struct sockaddr *)&sin, &length) == -1)
		err(EX_OSERR, "listening");
	group = user;
	if (setgroups(1, &group) == -1 || setgid(group) == -1 ||
	    setuid(user) == -1)
		err(EX_OSERR, "becoming user %u", user);
	inet_ntop(AF_INET, &sin.sin_addr, text, sizeof(text));
	printf("in jail %jd, listening on %s:%u\n", (intmax_t)jid, text, port);
	fflush(stdout);
	while ((connection = accept(listener, NULL, NULL)) != -1)
		if (write(queue[1], &connection, sizeof(connection)) == -1)
			err(EX_OSERR, "the worker is gone");
	err(EX_OSERR, "accept");
}
