import { execFile } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findOnPath } from '@rekey/local-servers/command'

const run = promisify(execFile)

const version = '4.3.1'

/** Kept for all copies of the repository: Go builds it in minutes. */
const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'rekey', `helm-${version}`)
const built = join(folder, 'helm')

/** Path of Helm: an installed one, or that of {@link buildHelm}; otherwise the reason why there is none. */
export const findHelm = (): { helm: string } | { missing: string } => {
  const helm = findOnPath('helm') ?? (existsSync(built) ? built : undefined)
  return helm
    ? { helm }
    : { missing: 'platform: Helm is not installed; npm run test:proofs -- deploy/helm builds it with Go' }
}

/** Builds Helm with Go, unless there is one. Without Go, or without its modules, nothing is built. */
export const buildHelm = async (): Promise<void> => {
  const go = findOnPath('go')
  if ('helm' in findHelm() || !go) return
  mkdirSync(folder, { recursive: true })
  const env = { ...process.env, GOBIN: folder, GOFLAGS: '', CGO_ENABLED: '0' }
  await run(go, ['install', `helm.sh/helm/v4/cmd/helm@v${version}`], { env, timeout: 900_000 }).catch(() => {})
}
