/** How a Secret that a rotation goes through tells of the credential that is to take the place of its own, and how each step is written. */
import { annotations } from '@cloister/tenancy';
import { isConflict, type ReconcileContext } from 'kube-runtime';
import { secrets, type Namespace, type Secret } from '../kinds.ts';
import { systemLabels } from '../labels.ts';

export interface Made {
  readonly madeAt: Date;
  readonly request: string | undefined;
}

export interface Content {
  readonly annotations: Readonly<Record<string, string>>;
  readonly data: Readonly<Record<string, string>>;
}

/** What a merge patch takes away unless the content has it. */
export interface Emptied {
  readonly annotations: Readonly<Record<string, null>>;
  readonly data: Readonly<Record<string, null>>;
}

export const nextAnnotationsOf = ({ madeAt, request }: Made): Readonly<Record<string, string>> => ({
  [annotations.nextMadeAt]: madeAt.toISOString(),
  ...(request === undefined ? {} : { [annotations.nextMadeFor]: request }),
});

export function nextMadeOf({ metadata }: Secret): Made | undefined {
  const noted = Date.parse(metadata.annotations?.[annotations.nextMadeAt] ?? '');
  return Number.isNaN(noted) ? undefined : { madeAt: new Date(noted), request: metadata.annotations?.[annotations.nextMadeFor] };
}

/** One of the platform's Secrets, in the version that was seen. False where somebody wrote it in the meantime: the watch tells, and the next run goes by that. */
export async function writeStep(
  { cluster, name: namespace, signal }: ReconcileContext<Namespace>,
  name: string,
  seen: Secret | undefined,
  { content, emptied }: { readonly content: Content; readonly emptied: Emptied },
): Promise<boolean> {
  const metadata = { name, namespace, labels: systemLabels };
  try {
    if (seen) {
      const changed = {
        resourceVersion: seen.metadata.resourceVersion,
        annotations: { ...emptied.annotations, ...content.annotations },
      };
      await cluster.patch(secrets, metadata, { metadata: changed, data: { ...emptied.data, ...content.data } }, { signal });
    } else
      await cluster.create(
        secrets,
        { metadata: { ...metadata, annotations: content.annotations }, type: 'Opaque', data: content.data },
        { signal },
      );
    return true;
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}
