/** A Go module under `go/` and the programs that come out of it. */
export interface Module {
  readonly name: ModuleName;
  /** Packages to build, each to a program named like its last path element. */
  readonly packages: readonly string[];
  /** Programs as they are named on disk, one for each package. */
  readonly programs: readonly string[];
  readonly tags?: string;
  readonly stamps?: Readonly<Record<string, string>>;
}

export type ModuleName = 'node' | 'kube' | 'containerd' | 'netpol' | 'coredns' | 'helm' | 'kwok' | 'pause' | 'health';

const containerd = 'github.com/containerd/containerd/v2';

export const modules: Readonly<Record<ModuleName, Module>> = {
  node: { name: 'node', packages: ['.'], programs: ['node'] },
  kube: {
    name: 'kube',
    packages: ['.'],
    programs: ['kube'],
    // without the stamp clients see v0.0.0 and the components refuse each other
    stamps: {
      'k8s.io/component-base/version.gitVersion': 'v1.36.3',
      'k8s.io/component-base/version.gitMajor': '1',
      'k8s.io/component-base/version.gitMinor': '36',
    },
  },
  containerd: {
    name: 'containerd',
    packages: ['containerd', 'containerd-shim-runc-v2', 'ctr'].map((program) => `${containerd}/cmd/${program}`),
    programs: ['containerd', 'containerd-shim-runc-v2', 'ctr'],
    tags: 'no_btrfs,no_zfs,no_devmapper',
    stamps: { [`${containerd}/version.Version`]: '2.4.2' },
  },
  netpol: { name: 'netpol', packages: ['.'], programs: ['netpol'] },
  coredns: { name: 'coredns', packages: ['github.com/coredns/coredns'], programs: ['coredns'] },
  helm: {
    name: 'helm',
    packages: ['helm.sh/helm/v3/cmd/helm'],
    programs: ['helm'],
    stamps: { 'helm.sh/helm/v3/internal/version.version': 'v3.20.0' },
  },
  kwok: {
    name: 'kwok',
    packages: ['sigs.k8s.io/kwok/cmd/kwok'],
    programs: ['kwok'],
  },
  pause: { name: 'pause', packages: ['.'], programs: ['pause'] },
  // no part of a cluster: how Argo CD and Flux judge what the operator writes
  health: { name: 'health', packages: ['.'], programs: ['health'] },
};

/** The Go arguments that make the programs, apart from where they go: part of what decides whether a build is still good. */
export function buildArguments(module: Module): string[] {
  const stamps = Object.entries(module.stamps ?? {}).map(([name, value]) => `-X ${name}=${value}`);
  const tags = module.tags === undefined ? [] : ['-tags', module.tags];
  return ['build', '-p', '2', '-trimpath', '-buildvcs=false', ...tags, '-ldflags', ['-s', '-w', ...stamps].join(' ')];
}
