/**
 * A command that the kernel ends, by SIGKILL, with the thread that starts it, however that ends: a run that is cut off leaves nothing behind
 * that would look for its API server for ever. To be started by a main thread, since a worker may end before the process does. Who has ended already,
 * before the kernel was told, is looked for then.
 */
export const kept = (program: string, ...args: readonly string[]): readonly [program: string, args: string[]] => [
  'setpriv',
  ['--pdeathsig', 'KILL', 'sh', '-c', '[ "$PPID" = "$0" ] && exec "$@"', String(process.pid), program, ...args],
];
