/** Which state of the store a read shows. Without `resourceVersion` it is the one that the connection has come to. */
import { query, type Call } from './call.ts';
import { badRequest, expired, forbiddenOption, internal, tooLargeVersion, type Refused } from './refused.ts';

/** One that is no number is an error of the server's own here, other than for lists. */
export function versionOfGet(call: Call): number {
  const asked = numberFrom(query(call, 'resourceVersion'), internal);
  return asked === undefined ? call.version : noOlderThan(call, asked);
}

/** Without `resourceVersionMatch` a page is of the version asked for, and a whole list of that or a later one. */
export function versionOfList(call: Call): number {
  checkMatch(call);
  const asked = numberFrom(query(call, 'resourceVersion'), badRequest);
  if (asked === undefined) return call.version;
  const usual = Number(query(call, 'limit') ?? 0) > 0 && asked > 0 ? 'Exact' : 'NotOlderThan';
  return (query(call, 'resourceVersionMatch') ?? usual) === 'Exact' ? exactly(call, asked) : noOlderThan(call, asked);
}

function checkMatch(call: Call): void {
  const [match, version, token] = ['resourceVersionMatch', 'resourceVersion', 'continue'].map((name) => query(call, name));
  if (match !== undefined) {
    if (version === undefined) throw forbiddenOption('resourceVersionMatch is forbidden unless resourceVersion is provided');
    if (token !== undefined) throw forbiddenOption('resourceVersionMatch is forbidden when continue is provided');
    if (match !== 'Exact' && match !== 'NotOlderThan') throw forbiddenOption(`resourceVersionMatch: Unsupported value: "${match}"`);
    if (match === 'Exact' && version === '0') throw forbiddenOption('resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
  }
  if (token !== undefined && version !== undefined && version !== '0')
    throw badRequest('specifying resource version is not allowed when using continue');
}

function numberFrom(version: string | undefined, refused: (message: string) => Refused): number | undefined {
  if (version === undefined) return undefined;
  if (!/^\d+$/.test(version)) throw refused(`resourceVersion: Invalid value: "${version}"`);
  return Number(version);
}

function exactly({ site: { store } }: Call, asked: number): number {
  if (asked > store.version) throw tooLargeVersion(asked, store.version);
  if (asked < store.oldest) throw expired();
  return asked;
}

/** A server that is behind waits until it has caught up so far. */
function noOlderThan({ site: { store }, version }: Call, asked: number): number {
  if (asked > store.version) throw tooLargeVersion(asked, store.version);
  return Math.max(version, asked);
}
