/** LiteLLM's proxy, from PyPI: Python and FastAPI; one worker, a master key, no database. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../cluster/command.ts';
import { targetAt } from '../gateway/target.ts';
import { installed } from './installed.ts';
import { freePort, startPeer } from './peer-process.ts';
import type { Peer } from './peers.ts';

/** The newest whose parts are all on PyPI (those of 1.110.2 are not). */
const version = '1.106.2';

async function install(folder: string): Promise<void> {
  await run('python3', ['-m', 'venv', folder]);
  await run(join(folder, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', `litellm[proxy]==${version}`]);
}

const masterKey = 'sk-only-for-measuring';

/** Nothing leaves the machine: it would fetch prices and tell of its use otherwise. */
const environment = { LITELLM_LOCAL_MODEL_COST_MAP: 'True', LITELLM_TELEMETRY: 'False', LITELLM_LOG: 'ERROR', NO_DOCS: 'True' };

export const litellm: Peer = {
  name: `LiteLLM ${version}`,
  note: 'from PyPI, one worker, a master key, no database, so no budget and no spend',
  open: async (upstream) => {
    const folder = await installed(`litellm-${version}`, install);
    const config = join(folder, 'config.json');
    const model = { model: 'openai/stub', api_base: `${upstream}/v1`, api_key: 'provider-key' };
    const settings = { model_list: [{ model_name: 'stub', litellm_params: model }], general_settings: { master_key: masterKey } };
    await writeFile(config, JSON.stringify(settings)); // which is YAML as well
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const args = ['--config', config, '--host', '127.0.0.1', '--port', String(port), '--num_workers', '1', '--telemetry', 'False'];
    const { pid, close } = await startPeer(`${url}/health/liveliness`, join(folder, 'bin/litellm'), args, environment);
    return { target: targetAt({ name: litellm.name, url, pids: [pid], headers: { authorization: `Bearer ${masterKey}` } }), close };
  },
};
