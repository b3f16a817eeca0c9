import { type ChildProcess, execFile, spawn } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { findOnPath } from '@rekey/local-servers/command'
import { eventually } from '@rekey/test-support/eventually'
import type { Engine, Teardown } from './engine.ts'

const root = resolve(import.meta.dirname, '../..')
/** Ignored by Git; kept for the next run. */
const folder = join(root, '.rekey/images')
const tools = join(folder, 'tools')
const suite = 'trixie'
const enginePackages = [
  'ca-certificates',
  'docker.io',
  'docker-cli',
  'docker-buildx',
  'docker-compose',
  'iptables',
  'iproute2',
]
const programs = ['apt-get', 'dpkg', 'unshare', 'nsenter', 'pivot_root', 'tar']

/** Why no engine can be made on this machine; undefined if one can. */
export const obstacle = (): string | undefined => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root on Linux can make one'
  const missing = programs.filter((name) => !findOnPath(name))
  return missing.length > 0 ? `${missing.join(', ')} missing to make one` : undefined
}

/** Makes a folder once: a run that was interrupted makes it again. */
const once = async (name: string, make: (path: string) => Promise<unknown>) => {
  const path = join(folder, name)
  const marker = `${path}.complete`
  if (existsSync(marker)) return path
  rmSync(path, { recursive: true, force: true })
  mkdirSync(path, { recursive: true })
  await make(path)
  writeFileSync(marker, '')
  return path
}

const run = async (file: string, args: string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) => {
  const { stdout } = await promisify(execFile)(file, args, { maxBuffer: 64 << 20, ...options })
  return stdout
}

/** Unpacks debootstrap and the user-mode network beside this machine's packages: nothing is installed. */
const unpackTools = () =>
  once('tools', async (path) => {
    await run('apt-get', ['download', 'debootstrap', 'slirp4netns', 'libslirp0'], { cwd: path })
    for (const file of globSync('*.deb', { cwd: path })) await run('dpkg', ['-x', file, path], { cwd: path })
  })

const debootstrap = (path: string, packages: string[]) =>
  run(
    join(tools, 'usr/sbin/debootstrap'),
    ['--variant=minbase', ...(packages.length ? [`--include=${packages.join(',')}`] : []), suite, path],
    {
      env: {
        ...process.env,
        PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
        DEBOOTSTRAP_DIR: join(tools, 'usr/share/debootstrap'),
      },
    },
  )

/** Debian with this Node, npm and the user `node`: stands for node:24-slim. */
const makeBase = () =>
  once(`base-${process.version}`, async (path) => {
    await debootstrap(path, [])
    const local = join(path, 'usr/local')
    copyFileSync(realpathSync(process.execPath), join(local, 'bin/node'))
    const npm = join((await run('npm', ['root', '--global'])).trim(), 'npm')
    cpSync(realpathSync(npm), join(local, 'lib/node_modules/npm'), { recursive: true })
    for (const name of ['npm', 'npx'])
      symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(local, 'bin', name))
    await run('chroot', [path, 'useradd', '--uid', '1000', '--create-home', 'node'])
    for (const rest of ['var/cache/apt/archives', 'var/lib/apt/lists']) rmSync(join(path, rest), { recursive: true })
  })

const stopProcess = async (child: ChildProcess, pid = child.pid) => {
  if (child.exitCode !== null || child.signalCode !== null || pid === undefined) return
  const ended = new Promise((done) => child.once('exit', done))
  process.kill(pid, 'SIGTERM')
  await ended
}

/** The engine's groups of processes, which outlive it. */
const removeGroups = () => {
  const groups = globSync('/sys/fs/cgroup/{*/,}rekey-images{/**,}').toReversed()
  for (const path of groups) {
    try {
      rmdirSync(path)
    } catch {
      // A file of a group, or a group with processes that are still ending: it is empty, and costs nothing.
    }
  }
}

const networkOf = (pid: number | 'self') => {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`)
  } catch {
    return undefined
  }
}

/** The network of the engine's namespace: its packets become connections of a process of this machine. */
const startNetwork = (pid: number) => {
  const log = openSync(join(folder, 'network.log'), 'w')
  return spawn(
    join(tools, 'usr/bin/slirp4netns'),
    ['--configure', '--mtu=65520', '--disable-host-loopback', String(pid), 'tap0'],
    {
      stdio: ['ignore', log, log],
      env: { LD_LIBRARY_PATH: globSync(join(tools, 'usr/lib/*-linux-gnu')).join(':') },
    },
  )
}

/** Makes the folder of the base an image, unless the engine has it: another image would make it build everything again. */
const importBase = async (docker: Engine['docker'], base: string, namespaces: string[]) => {
  const image = `node:${process.version}`
  const found = (await docker(['images', '--quiet', image])).trim()
  if (!found) {
    const pipe = `tar -C "$0" -c . | nsenter "$@" -- docker --host unix:///run/docker.sock import --change 'CMD ["node"]' - ${image}`
    await run('sh', ['-c', pipe, base, ...namespaces], { cwd: '/' })
  }
  await docker(['tag', image, 'node:24-slim'])
}

/** Starts a container engine in namespaces of its own, which end with it. */
export const startPrivateEngine = async (t: Teardown): Promise<Engine> => {
  mkdirSync(folder, { recursive: true })
  await unpackTools()
  const [engineRoot, base] = [await once('engine', (path) => debootstrap(path, enginePackages)), await makeBase()]

  mkdirSync(join(engineRoot, 'etc/docker'), { recursive: true })
  const settings = { builder: { gc: { enabled: true, defaultKeepStorage: '3GB' } } }
  writeFileSync(join(engineRoot, 'etc/docker/daemon.json'), JSON.stringify(settings))

  const log = openSync(join(folder, 'engine.log'), 'w')
  const script = join(import.meta.dirname, 'private-engine.sh')
  const namespaces = spawn(
    'unshare',
    ['--mount', '--net', '--pid', '--fork', '--kill-child', 'sh', script, engineRoot, root],
    { stdio: ['ignore', log, log], env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` } },
  )
  const children = `/proc/${namespaces.pid}/task/${namespaces.pid}/children`
  const pid = await eventually(async () => Number(readFileSync(children, 'utf8')) || undefined, {
    what: 'the process of the engine',
  })
  t.teardown(async () => {
    await stopProcess(namespaces, pid)
    removeGroups()
  })
  const isOwnNetwork = () => networkOf(pid) !== networkOf('self')
  await eventually(async () => isOwnNetwork(), { what: 'the namespaces' })
  const network = startNetwork(pid)
  t.teardown(() => stopProcess(network))

  const enter = ['--target', String(pid), '--net']
  const inside = (args: string[], env: NodeJS.ProcessEnv = {}) =>
    run('nsenter', [...enter, '--mount', '--pid', '--', 'sh', '-c', 'cd "$0" && exec docker "$@"', root, ...args], {
      cwd: '/',
      env: {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        HOME: '/root',
        DOCKER_HOST: 'unix:///run/docker.sock',
        ...env,
      },
    })
  await eventually(
    async () => {
      if (namespaces.exitCode !== null) throw new Error(readFileSync(join(folder, 'engine.log'), 'utf8'))
      return inside(['version'], {}).then(
        () => true,
        () => false,
      )
    },
    { what: 'the engine' },
  )
  await importBase(inside, base, [...enter, '--mount', '--pid'])
  for (const image of ['postgres:18', 'redis:8', 'nats:2.12-alpine', 'haproxy:3.2']) {
    const target = image.replace(/:.*/, '')
    const context = join(import.meta.dirname, 'stand-ins')
    await inside(['build', '--quiet', '--target', target, '--tag', image, context], {})
  }
  t.teardown(() => inside(['image', 'prune', '--force']))
  return {
    description: `made of Debian ${suite} below ${folder}, with stand-ins for the images of servers`,
    docker: inside,
    beside: (file, args, env = {}) =>
      run('nsenter', [...enter, '--', file, ...args], { env: { ...process.env, ...env } }),
  }
}
