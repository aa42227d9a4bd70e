/** Portkey's open-source gateway, from npm: Node and Hono; no database, no budget. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../cluster/command.ts';
import { targetAt } from '../gateway/target.ts';
import { installed } from './installed.ts';
import { freePort, startPeer } from './peer-process.ts';
import type { Peer } from './peers.ts';

const version = '1.15.2';

/**
 * As published, each of its streams is answered 500 on Node 26: it adds headers to an answer of `fetch`, which may not be changed. It is given a
 * copy to change. Its whole answers go the same way as before, with one object more.
 */
const asPublished = 'this.updateHeaders(i,n.cacheStatus,o),{response:i';
const corrected = `i=new Response(i.body,i),${asPublished}`;

async function install(folder: string): Promise<void> {
  await run('npm', [
    'install',
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    '--loglevel=error',
    '--prefix',
    folder,
    `@portkey-ai/gateway@${version}`,
  ]);
  const file = entryIn(folder);
  const text = await readFile(file, 'utf8');
  if (text.split(asPublished).length !== 2) throw new Error('it is not what it was when its streams were mended here');
  await writeFile(file, text.replace(asPublished, corrected));
}

const entryIn = (folder: string): string => join(folder, 'node_modules/@portkey-ai/gateway/build/start-server.js');

export const portkey: Peer = {
  name: `Portkey ${version}`,
  note: 'from npm, its streams mended by one line; asks for no key of its own, writes nothing down',
  open: async (upstream) => {
    const folder = await installed(`portkey-${version}`, install);
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const { pid, close } = await startPeer(url, process.execPath, [entryIn(folder), `--port=${port}`, '--headless'], {});
    const headers = { authorization: 'Bearer provider-key', 'x-portkey-provider': 'openai', 'x-portkey-custom-host': `${upstream}/v1` };
    return { target: targetAt({ name: portkey.name, url, pids: [pid], headers }), close };
  },
};
