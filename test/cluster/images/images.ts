import { existsSync } from 'node:fs';
import { cp, link, mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { hashOf } from '../hash.ts';
import { withLock } from '../lock.ts';
import { installImagePackages } from '../packages.ts';
import { cacheDir } from '../paths.ts';
import { buildPrograms } from '../programs/build.ts';
import type { Progress } from '../progress.ts';
import { buildImage, dropFromStore, exportImage } from './buildah.ts';
import { base, recipes, type Recipe } from './recipes.ts';
import { trees } from './trees.ts';
import { rootfsKey, rootfsOf } from './rootfs.ts';

/** An image in an archive: what containerd calls it, and the file. The file's name changes with its content. */
export interface Archive {
  readonly image: string;
  readonly file: string;
}

/** Fetches what images are made of and what no program must be built for: work for the network while builds keep the processor busy. */
export async function fetchAhead(progress: Progress): Promise<void> {
  for (const [name, rootfs] of Object.entries(trees)) await rootfsOf(name, rootfs, progress);
}

/** The images that every cluster runs, made where they or what they are made of are new. */
export async function clusterImages(progress: Progress): Promise<readonly Archive[]> {
  const { pause, dns, postgres, redis } = await allRecipes(progress);
  const archives: Archive[] = [];
  for (const recipe of [pause, dns, postgres, redis]) archives.push(await archiveOf(recipe, progress));
  return archives;
}

/** The base of Cloister's own images. It is not loaded itself, only what is built on it. */
export async function baseImage(progress: Progress): Promise<Archive> {
  return archiveOf((await allRecipes(progress)).base, progress);
}

async function allRecipes(progress: Progress): Promise<ReturnType<typeof recipes>> {
  return recipes(await buildPrograms(['pause', 'coredns'], progress));
}

async function archiveOf(recipe: Recipe, progress: Progress): Promise<Archive> {
  const extra = JSON.stringify([recipe.image, recipe.file?.version, recipe.rootfs && rootfsKey(recipe.rootfs)]);
  const key = await hashOf([recipe.folder], extra);
  const name = basename(recipe.folder);
  const file = join(cacheDir(), 'images', `${name}-${key}.tar`);
  if (existsSync(file)) return { image: recipe.image, file };
  await installImagePackages(progress);
  await withLock(join(cacheDir(), 'images', `${name}.lock`), async () => {
    if (existsSync(file)) return;
    await progress.step(`built image ${recipe.image}`, () => make(name, recipe, file, progress));
  });
  return { image: recipe.image, file };
}

async function make(name: string, recipe: Recipe, file: string, progress: Progress): Promise<void> {
  const context = join(cacheDir(), 'work', name);
  await rm(context, { recursive: true, force: true });
  await mkdir(context, { recursive: true });
  await cp(recipe.folder, context, { recursive: true });
  if (recipe.file) await cp(recipe.file.path, join(context, basename(recipe.file.path)), { dereference: true });
  if (recipe.rootfs) await link(await rootfsOf(name, recipe.rootfs, progress), join(context, 'rootfs.tar'));
  await buildImage({ image: recipe.image, dockerfile: join(context, 'Dockerfile'), context });
  await exportImage(recipe.image, file);
  // the base stays: others are built on it
  if (recipe.image !== base) await dropFromStore(recipe.image);
  await rm(context, { recursive: true });
}
