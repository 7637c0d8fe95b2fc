/* SPDX-License-Identifier: MIT */
/*
 * The command agent of the guest: agent.c says what it does. init.c is its only caller.
 */

#ifndef IGT_VGPU_AGENT_H
#define IGT_VGPU_AGENT_H

/** define AGENT_VERSION - changes with the protocol; the runner refuses another one */
#define AGENT_VERSION	1

/* Prints one line into the kernel log (so it reaches the serial console in order). */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * agent_serve - serve the host's commands until it asks for power-off
 * @port: an open, connected virtio-console port
 *
 * Return: 0 when the host asked for power-off, -1 when the port is gone.
 */
int agent_serve(int port);

#endif
