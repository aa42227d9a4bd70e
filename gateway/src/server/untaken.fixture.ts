/** Who asks and does not read the answer, and who has more to say than anybody takes. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';

/** A connection on which this was said and from which nothing is read. */
export async function unreading(port: number, request: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  socket.pause();
  await once(socket, 'connect');
  socket.write(request);
  return socket;
}

/** Beyond this nobody can say that it is held back. */
const most = 128 * 1024 * 1024;

export interface Pump {
  /** Bytes that were taken until the answer came to its end, whoever made it: no more than all buffers on the way hold together. */
  readonly held: Promise<number>;
}

/** Says the same again and again, as fast as it is taken, without end. */
export function pump(response: ServerResponse, text: string): Pump {
  const closed = once(response, 'close').then(() => false);
  const saying = async () => {
    let taken = 0;
    for (let more = true; more && taken < most; taken += text.length)
      if (!response.write(text)) more = await Promise.race([once(response, 'drain').then(() => true), closed]);
    await closed;
    return taken;
  };
  return { held: saying() };
}
