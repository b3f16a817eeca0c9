import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { seedSandbox } from '../../services/password-service/src/customers/sandbox.ts'
import { installPacked } from './consumer.fixture.ts'
import { requirePackages, runSamples } from './on-node.fixture.ts'

// The packed packages on each release line of Node, which npm brings (100 MB each): kept in node_modules afterwards.

/** The oldest that the packages allow, then the newest of each line. `require` of an ES module begins with 20.19. */
const versions = { '20.3.0': false, '20.20.2': true, '22.23.3': true, '24.21.0': true }

const run = promisify(execFile)
const store = resolve(import.meta.dirname, '../../node_modules/.rekey-nodes')
const platform = process.platform === 'win32' ? 'win' : process.platform

/** The path of a Node of this version, fetched if it is not there yet. */
const fetchNode = async (version: string): Promise<string> => {
  const folder = join(store, version)
  const node = join(folder, 'package/bin/node')
  if (existsSync(node)) return node
  mkdirSync(folder, { recursive: true })
  const name = `node-${platform}-${process.arch}@${version}`
  const { stdout } = await run('npm', ['pack', name, '--pack-destination', folder, '--silent'])
  const tarball = join(folder, stdout.trim())
  await run('tar', ['-xzf', tarball, '-C', folder])
  rmSync(tarball)
  return node
}

t.setTimeout(600_000)
const [rekey, { dir }] = await Promise.all([startRekey(t, { env: { REKEY_RESEND_SECONDS: '1' } }), installPacked(t)])
await seedSandbox(rekey.passwordServiceConfig)

for (const [version, canRequire] of Object.entries(versions)) {
  t.test(`Node ${version}`, async (t) => {
    const node = await fetchNode(version)
    const { stdout } = await run(node, ['--version'])
    t.equal(stdout.trim(), `v${version}`)
    await runSamples(t, rekey, node, dir)
    const loading = requirePackages(t, node, dir)
    if (canRequire) await loading
    else await t.rejects(loading, /ERR_REQUIRE_ESM/)
    t.comment(`Node ${version}: import ok, require ${canRequire ? 'ok' : 'not offered by this Node'}`)
  })
}
