import { aptInstall, canAptInstall } from './apt.ts'
import { findOnPath } from './command.ts'
import { composeAnswers } from './compose.ts'

/** How to run Redis or NATS: by a program of this machine, or in a container. */
export type ServerSource = { binary: string } | { compose: true }

const programs = { redis: 'redis-server', nats: 'nats-server' } as const
export type ServerName = keyof typeof programs

const withSudo = (install: string) => (process.getuid?.() === 0 ? install : `sudo ${install}`)

// Only Debian names the package of Redis after its program.
const packageNames = (names: ServerName[]) => names.map((name) => (name === 'nats' ? 'nats-server' : name)).join(' ')
const installLines: [manager: string, line: (names: ServerName[]) => string][] = [
  ['brew', (names) => `brew install ${packageNames(names)}`],
  ['apt-get', (names) => withSudo(`apt-get install -y ${names.map((name) => programs[name]).join(' ')}`)],
  ['dnf', (names) => withSudo(`dnf install -y ${packageNames(names)}`)],
  ['apk', (names) => withSudo(`apk add ${packageNames(names)}`)],
  ['pacman', (names) => withSudo(`pacman -S --noconfirm ${packageNames(names)}`)],
]

const installLine = (names: ServerName[]) =>
  installLines.find(([manager]) => findOnPath(manager))?.[1](names) ??
  `export ${names.map((name) => `${name.toUpperCase()}_URL=${name}://HOST:PORT`).join(' ')}`

/**
 * Finds a way to run each named server: its program on PATH, else a container (only with `allowCompose`), else its Debian
 * package, which is installed if this process may.
 * @throws Error with the command to type if none of these is possible
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
  const absent = missing()
  if (absent.length) {
    throw new Error(`${absent.map((name) => programs[name]).join(' and ')} not found. Type: ${installLine(absent)}`)
  }
  return found
}
