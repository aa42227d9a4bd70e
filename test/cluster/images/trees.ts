/** A Debian tree that an image stands on. */
export interface Rootfs {
  readonly packages: readonly string[];
  /** Shell commands on the finished tree, which is `$1`. */
  readonly hooks: readonly string[];
  /** What of the tree goes into the image; absent: all of it. Shell patterns, from the root. */
  readonly keep?: readonly string[];
}

/** Debian's current stable release: it has PostgreSQL 17 and a C++ library new enough for Node. */
export const suite = 'trixie';

/** Libraries that Node is linked to or loads, in Debian's places. */
const libraries = ['atomic', 'c', 'dl', 'gcc_s', 'm', 'mvec', 'nss_*', 'pthread', 'resolv', 'rt', 'stdc++'];

const nodeNeeds: readonly string[] = [
  ...['bin', 'lib', 'lib64', 'sbin', 'tmp', 'usr/lib64'],
  ...['passwd', 'group', 'nsswitch.conf', 'os-release', 'debian_version', 'ssl/certs/ca-certificates.crt'].map((file) => `etc/${file}`),
  ...['os-release', '*-linux-gnu/ld-linux*', ...libraries.map((name) => `*-linux-gnu/lib${name}.so*`)].map((file) => `usr/lib/${file}`),
];

const user = (name: string, id: number): string => `echo '${name}:x:${id}:${id}:${name}:/tmp:/usr/sbin/nologin' >>"$1/etc/passwd"`;

/** The just-in-time compiler is a third of PostgreSQL's size and of no use to short queries; the database that Debian makes is not ours. */
const slimPostgres =
  'rm -rf "$1"/usr/lib/postgresql/*/lib/llvmjit* "$1"/usr/lib/postgresql/*/lib/bitcode "$1"/usr/lib/*-linux-gnu/libLLVM* ' +
  '"$1"/usr/lib/*-linux-gnu/libz3* "$1"/var/lib/postgresql/*';

export const trees = {
  base: { packages: ['ca-certificates', 'libatomic1', 'libstdc++6'], hooks: [user('cloister', 65532)], keep: nodeNeeds },
  postgres: { packages: ['postgresql-17-pgvector'], hooks: [user('db', 999), slimPostgres] },
  redis: { packages: ['redis-server'], hooks: [user('cache', 999)] },
} as const satisfies Readonly<Record<string, Rootfs>>;
