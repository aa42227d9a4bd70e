import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { component, type Component } from '../machine/plan.ts';
import { inside } from '../paths.ts';
import { pauseImage } from '../images/recipes.ts';

export const containerdSocket = '/run/containerd/containerd.sock';

export function containerd(): Component {
  return component('containerd', ['containerd', '--config', `${inside.cluster}/config/containerd.toml`], {
    ready: { socket: containerdSocket },
  });
}

/**
 * `restrict_oom_score_adj` and no AppArmor, because the machine may be a container that allows neither. Its own directories are the
 * usual ones under /run and /var, which are the node's own.
 */
export async function writeContainerdConfig(dir: string): Promise<void> {
  const config = `version = 3
disabled_plugins = ["io.containerd.grpc.v1.nri"]

[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "${pauseImage}"

[plugins."io.containerd.cri.v1.runtime"]
disable_apparmor = true
restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["/usr/lib/cni"]
conf_dir = "${inside.cluster}/config/cni"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
SystemdCgroup = false
`;
  await writeFile(join(dir, 'config', 'containerd.toml'), config);
}
