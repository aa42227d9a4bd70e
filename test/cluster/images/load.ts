import { basename } from 'node:path';
import { containerdSocket } from '../components/containerd.ts';
import { lastLines, run } from '../command.ts';
import { ClusterError } from '../errors.ts';
import { enterMachine, pathOf } from '../machine/launch.ts';
import { inside } from '../paths.ts';
import type { Archive } from './images.ts';

/** Gives images to the containerd of a running node, unless it has them. */
export async function loadImages(pid: number, archives: readonly Archive[]): Promise<void> {
  const ctr = await ctrOf(pid);
  const present = new Set((await ctr('images', 'list', '-q')).split('\n'));
  // one after the other: unpacking is bound by the disk
  for (const { image, file } of archives) {
    if (present.has(image)) continue;
    await ctr('images', 'import', `${inside.images}/${basename(file)}`).catch((cause: unknown) => {
      throw new ClusterError(
        'image_broken',
        { file, tail: cause instanceof Error ? lastLines(cause.message, 2) : String(cause) },
        { cause },
      );
    });
  }
}

/** Gives an image that a running node has one more name. */
export async function tagImage(pid: number, image: string, name: string): Promise<void> {
  const ctr = await ctrOf(pid);
  await ctr('images', 'tag', '--force', image, name);
}

async function ctrOf(pid: number): Promise<(...command: string[]) => Promise<string>> {
  const path = await pathOf(pid);
  return (...command) => {
    const { program, args } = enterMachine(pid, path, ['ctr', '-a', containerdSocket, '-n', 'k8s.io', ...command]);
    return run(program, args);
  };
}
