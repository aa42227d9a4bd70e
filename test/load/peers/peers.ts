import { ask } from '../measuring/ask.ts';
import type { Target } from '../gateway/target.ts';
import { litellm } from './litellm.ts';
import { portkey } from './portkey.ts';

export interface Peer {
  /** With its version. */
  readonly name: string;
  readonly note: string;
  /** Installs it where it is not yet, and starts it before this model provider. */
  readonly open: (upstream: string) => Promise<{ readonly target: Target; readonly close: () => Promise<void> }>;
}

export interface Peers {
  readonly targets: readonly Target[];
  readonly notes: readonly string[];
  readonly close: () => Promise<void>;
}

/** Those that run here and answer as they should. Of the others, the notes say why they do not. */
export async function openPeers(upstream: string): Promise<Peers> {
  const opened: { readonly target: Target; readonly close: () => Promise<void> }[] = [];
  const notes: string[] = [];
  for (const peer of [portkey, litellm]) {
    try {
      console.error(`starting ${peer.name}`);
      const one = await peer.open(upstream);
      try {
        for (const mode of ['whole', 'stream'] as const) await ask(one.target, mode);
      } catch (error) {
        await one.close();
        throw error;
      }
      opened.push(one);
      notes.push(`${peer.name}: ${peer.note}`);
    } catch (error) {
      notes.push(`NOT MEASURED: ${peer.name}: ${error instanceof Error ? error.message : 'unknown'}`);
    }
  }
  return {
    targets: opened.map(({ target }) => target),
    notes,
    close: async () => {
      await Promise.all(opened.map((one) => one.close()));
    },
  };
}
