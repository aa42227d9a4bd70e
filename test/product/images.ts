/** Cloister's own three images, built from the bundles and named by what is in them, so that equal sources give equal tags. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../cluster/command.ts';
import { hashOf } from '../cluster/hash.ts';
import { buildImage, exportImage, loadIntoStore, pushImage } from '../cluster/images/buildah.ts';
import { baseImage, type Archive } from '../cluster/images/images.ts';
import { withLock } from '../cluster/lock.ts';
import { cacheDir, repository } from '../cluster/paths.ts';
import type { Progress } from '../cluster/progress.ts';

export const parts = ['operator', 'gateway', 'agent-runtime'] as const;
export type Part = (typeof parts)[number];

export interface ProductImages {
  /** For the chart: what stands before each repository. */
  readonly registry: string;
  readonly tags: Readonly<Record<Part, string>>;
  readonly archives: readonly Archive[];
}

const localRegistry = 'localhost/cloister';

/** Bundles the sources and builds the images that have changed. */
export async function productImages(progress: Progress): Promise<ProductImages> {
  await progress.step('bundled operator, gateway and agent runtime', () => run('npm', ['run', '--silent', 'build'], { cwd: repository }));
  const base = await baseImage(progress);
  const built: { part: Part; tag: string; archive: Archive }[] = [];
  for (const part of parts) built.push({ part, ...(await imageOf(part, base, progress)) });
  return { registry: localRegistry, tags: tagsOf(built), archives: built.map(({ archive }) => archive) };
}

async function imageOf(part: Part, base: Archive, progress: Progress): Promise<{ tag: string; archive: Archive }> {
  const sources = [`${part}/dist`, `${part}/Dockerfile`, 'scripts/warm-compile-cache.ts', 'LICENSE'].map((path) => join(repository, path));
  const tag = await hashOf(sources, base.file);
  const image = `${localRegistry}/${part}:${tag}`;
  const file = join(cacheDir(), 'images', `${part}-${tag}.tar`);
  await withLock(join(cacheDir(), 'images', `${part}.lock`), async () => {
    if (existsSync(file)) return;
    await progress.step(`built image ${image}`, () => build(part, image, base, file));
  });
  return { tag, archive: { image, file } };
}

async function build(part: Part, image: string, base: Archive, file: string): Promise<void> {
  await loadIntoStore(base.image, base.file);
  await buildImage({ image, dockerfile: join(repository, part, 'Dockerfile'), context: repository, args: { BASE: base.image } });
  await exportImage(image, file);
}

/** Pushes the images to a registry that the user's own cluster pulls from. Credentials are those of `buildah login` or `docker login`. */
export async function pushImages({ tags }: ProductImages, registry: string, progress: Progress): Promise<ProductImages> {
  for (const part of parts) {
    const target = `${registry}/${part}:${tags[part]}`;
    await progress.step(`pushed ${target}`, () => pushImage(`${localRegistry}/${part}:${tags[part]}`, target));
  }
  return { registry, tags, archives: [] };
}

const tagsOf = (built: readonly { part: Part; tag: string }[]): Record<Part, string> => {
  const tagOf = (part: Part): string => {
    const found = built.find((candidate) => candidate.part === part);
    if (!found) throw new TypeError(`no image was built for ${part}`);
    return found.tag;
  };
  return { operator: tagOf('operator'), gateway: tagOf('gateway'), 'agent-runtime': tagOf('agent-runtime') };
};
