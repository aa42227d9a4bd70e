/** Keys that this replica has asked the store to keep, by tenant: until the directory knows them, nobody else counts them. */
const patienceMs = 60_000;

export interface Making {
  /** How many there are, less those that `isKnown`. */
  count(uid: string, isKnown: (id: string) => boolean): number;
  begin(uid: string, id: string): void;
  /** It will not come to be known. */
  end(uid: string, id: string): void;
}

/** What the directory does not hear of within a minute was gone before it could. */
export function inTheMaking(clock: () => number = Date.now): Making {
  const tenants = new Map<string, Map<string, number>>();
  const end = (uid: string, id: string) => {
    const making = tenants.get(uid);
    making?.delete(id);
    if (making?.size === 0) tenants.delete(uid);
  };
  return {
    count: (uid, isKnown) => {
      for (const [id, since] of tenants.get(uid) ?? []) if (isKnown(id) || clock() - since > patienceMs) end(uid, id);
      return tenants.get(uid)?.size ?? 0;
    },
    begin: (uid, id) => void (tenants.get(uid) ?? tenants.set(uid, new Map()).get(uid))?.set(id, clock()),
    end,
  };
}
