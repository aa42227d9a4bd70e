/** Every failure of the embedded cluster: what happened, and what to do about it. */
export const errors = {
  not_root:
    'an embedded cluster makes namespaces, mounts and links, which needs root: run it as root, or set KUBECONFIG and CLOISTER_REGISTRY to use a cluster you have',
  not_linux: 'an embedded cluster needs Linux: set KUBECONFIG and CLOISTER_REGISTRY to use a cluster you have',
  bad_name: '"{name}" cannot name a cluster: use at most 30 lower-case letters, digits and dashes, starting with a letter',
  command_failed: '`{command}` ended with status {status}\n{tail}',
  packages_failed:
    'these Debian packages are needed and could not be installed: {packages}\n{tail}\ninstall them by hand, then run this again',
  no_go: 'Go {version} or newer is needed to build the cluster once: install it from https://go.dev/dl and put it on the PATH',
  no_slot:
    'all {count} address ranges are taken by other clusters: stop one with `node test/cluster/cli.ts down --name <name>`; `ip link show type veth` shows them as clo0, clo1, …',
  image_broken: '{file} cannot be loaded: {tail}\nremedy: remove that file and run this again; it is built anew',
  component_failed: '{component} {what}\n--- last lines of {log}\n{tail}\n---\nremedy: {remedy}',
  unknown_cluster:
    'there is no running cluster named "{name}": start it with `node test/cluster/cli.ts up --name {name}`, or run everything with `make test`',
  no_test_cluster:
    'CLOISTER_TEST_CLUSTER is not set, so this test has no cluster: run `make test`, or start one (`node test/cluster/cli.ts up --name test`) and set CLOISTER_TEST_CLUSTER=test',
  no_data_secret:
    'the chart needs Secret {namespace}/{name}, which says where Postgres and Redis are; see "Installing on an existing cluster" in README.md',
  not_in_time: '{what} did not happen within {seconds} s\n{tail}\nremedy: {remedy}',
} as const;

export type ErrorCode = keyof typeof errors;

/** A failure with a code of the table above; the message is for the person at the terminal and needs no stack trace. */
export class ClusterError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, details: Readonly<Record<string, string | number>> = {}, options?: ErrorOptions) {
    super(
      errors[code].replace(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? `{${name}}`)),
      options,
    );
    this.name = 'ClusterError';
    this.code = code;
  }
}
