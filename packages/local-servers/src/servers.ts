import { aptInstall, canAptInstall } from './apt.ts'
import { findOnPath } from './command.ts'
import { composeAnswers } from './compose.ts'

/** Where Redis or NATS comes from: a program of this machine, or a container. */
export type ServerSource = { binary: string } | { compose: true }

const programs = { redis: 'redis-server', nats: 'nats-server' } as const
export type ServerName = keyof typeof programs

const withSudo = (install: string) => (process.getuid?.() === 0 ? install : `sudo ${install}`)

// On all but Debian the package of Redis is named after the product.
const packageNames = (names: ServerName[]) => names.map((name) => (name === 'nats' ? 'nats-server' : name)).join(' ')
const installLines: [manager: string, line: (names: ServerName[]) => string][] = [
  ['brew', (names) => `brew install ${packageNames(names)}`],
  ['apt-get', (names) => withSudo(`apt-get install -y ${names.map((name) => programs[name]).join(' ')}`)],
  ['dnf', (names) => withSudo(`dnf install -y ${packageNames(names)}`)],
  ['apk', (names) => withSudo(`apk add ${packageNames(names)}`)],
  ['pacman', (names) => withSudo(`pacman -S --noconfirm ${packageNames(names)}`)],
]

const lineToType = (names: ServerName[]) =>
  installLines.find(([manager]) => findOnPath(manager))?.[1](names) ??
  `export ${names.map((name) => `${name.toUpperCase()}_URL=${name}://HOST:PORT`).join(' ')}`

/**
 * Finds a way to run each named server: its program on PATH, else a container where an engine answers (only with
 * `allowCompose`), else its Debian package, which is installed when we may.
 * @throws Error whose message is the one line to type where none of these is possible.
 */
export const ensureServers = async (
  names: ServerName[],
  { say, allowCompose, signal }: { say: (line: string) => void; allowCompose: boolean; signal?: AbortSignal },
): Promise<Record<ServerName, ServerSource | undefined>> => {
  const found: Record<ServerName, ServerSource | undefined> = { redis: undefined, nats: undefined }
  const missing = () => names.filter((name) => !found[name])
  const search = () => {
    for (const name of missing()) {
      const binary = findOnPath(programs[name])
      if (binary) found[name] = { binary }
    }
  }
  search()
  if (missing().length && allowCompose && composeAnswers())
    for (const name of missing()) found[name] = { compose: true }
  if (missing().length && canAptInstall()) {
    const packages = missing().map((name) => programs[name])
    say(`Installing ${packages.join(' and ')} with apt-get, once.`)
    await aptInstall(packages, signal)
    search()
  }
  const wanting = missing()
  if (wanting.length) {
    throw new Error(`${wanting.map((name) => programs[name]).join(' and ')} not found. Type: ${lineToType(wanting)}`)
  }
  return found
}
