/** A provider byte for byte, over a socket: what HTTP servers would never send is what is tested with it. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { portOf } from '../../server/serve.ts';

/** What it does once it has heard a request, instead of an answer. */
export interface Script {
  /** Sent one by one, with a moment between them. */
  readonly pieces: readonly Buffer[];
  /** Then it closes the connection in order, resets it, says nothing more, or says the last piece again and again. */
  readonly ending: 'close' | 'reset' | 'hang' | 'endless';
}

export interface UnrulyProvider extends AsyncDisposable {
  /** Where the script is played to whoever asks. Ends with /v1. */
  baseURL(script: Script): string;
  /** How often it was asked. */
  asked(baseURL: string): number;
}

export async function unrulyProvider(): Promise<UnrulyProvider> {
  const scripts: { readonly script: Script; asked: number }[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
    let text = '';
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      const [, place, length] = /^POST \/(\d+)\/[^]*\r\ncontent-length: (\d+)\r\n/i.exec(text) ?? [];
      const head = text.indexOf('\r\n\r\n') + 4;
      if (length === undefined || text.length < head + Number(length)) return;
      text = '';
      const found = scripts[Number(place)];
      if (!found) return void socket.destroy();
      found.asked++;
      void play(socket, found.script);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const root = `http://127.0.0.1:${portOf(server)}`;
  return {
    baseURL: (script) => `${root}/${scripts.push({ script, asked: 0 }) - 1}/v1`,
    asked: (baseURL) => scripts[Number(new URL(baseURL).pathname.split('/')[1])]?.asked ?? 0,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function play(socket: Socket, { pieces, ending }: Script): Promise<void> {
  for (const piece of pieces) {
    socket.write(piece);
    await new Promise(setImmediate);
  }
  if (ending === 'close') socket.end();
  if (ending === 'reset') socket.resetAndDestroy();
  if (ending !== 'endless') return;
  const last = pieces.at(-1) ?? Buffer.from('x');
  const closed = new Promise((resolve) => socket.once('close', resolve)); // and not by once(), which a reset would make reject
  while (!socket.destroyed) {
    if (socket.write(last)) await new Promise(setImmediate);
    else await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed]);
  }
}
