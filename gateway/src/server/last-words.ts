import type { Duplex } from 'node:stream';

/** Milliseconds for whoever reads the answer. Not a time-out of the socket, which those who go on sending would put off for ever. */
const lastMoment = 1_000;

/**
 * Answers on a socket that no HTTP server looks after (any more) and closes it, whatever the other side does: one that is reset, held open or
 * written to without end neither harms the process nor stays.
 */
export function sayAndClose(socket: Duplex, text: string): void {
  socket.on('error', () => undefined); // Node took its own listener away with the socket
  if (socket.writable) socket.end(text);
  const leaving = setTimeout(() => socket.destroy(), lastMoment);
  socket.once('close', () => clearTimeout(leaving)).resume();
}
