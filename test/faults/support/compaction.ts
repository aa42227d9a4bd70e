import { runInside, type Machine } from '../../cluster/index.ts';
import { inside } from '../../cluster/paths.ts';
import { etcdURL } from '../../cluster/components/etcd.ts';

/** Makes etcd forget the history of everything: an API server that starts now answers 410 to every watch from before. */
export async function compactHistory(machine: Machine): Promise<void> {
  const script = `
    const post = async (path, body) => (await fetch('${etcdURL}/v3/' + path, { method: 'POST', body: JSON.stringify(body) })).json();
    const { header } = await post('kv/range', { key: 'AA==' });
    const answer = await post('kv/compaction', { revision: header.revision, physical: true });
    if (answer.error) throw new Error(answer.error);`;
  await runInside(machine, [`${inside.node}/node`, '--input-type=module', '-e', script]);
}
