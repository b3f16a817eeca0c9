import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'

const root = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

interface Stage {
  from: string
  name: string
  instructions: [instruction: string, rest: string][]
}

/** The stages of a Dockerfile in order, with continued lines joined and without comments. */
const stagesOf = (dockerfile: string): Stage[] => {
  const lines = dockerfile
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() && !line.startsWith('#'))
  const stages: Stage[] = []
  for (const line of lines) {
    const [, instruction = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? []
    const from = /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(rest)
    if (instruction === 'FROM') stages.push({ from: from?.[1] ?? '', name: from?.[2] ?? '', instructions: [] })
    else stages.at(-1)?.instructions.push([instruction, rest])
  }
  return stages
}

const stages = stagesOf(read('deploy/Dockerfile'))
const targets = stages.filter(({ name }) => ['tools', 'service'].includes(name))
const services = ['auth-gateway', 'password-service', 'notifier', 'inbox']

t.test('S37: an image runs as a numbered user other than root, and is installed from the lock file', async (t) => {
  t.equal(targets.length, 2)
  for (const { name, instructions } of targets) {
    t.same(instructions.filter(([instruction]) => instruction === 'USER').at(-1), ['USER', '1000:1000'], name)
    // Later instructions would run as that user.
    const after = instructions.slice(instructions.findIndex(([instruction]) => instruction === 'USER') + 1)
    t.notOk(
      after.some(([instruction]) => ['RUN', 'COPY', 'ADD', 'USER'].includes(instruction)),
      name,
    )
  }
  const runs = stages.flatMap(({ instructions }) => instructions).filter(([instruction]) => instruction === 'RUN')
  const installs = runs.map(([, command]) => command).filter((command) => /pnpm install/.test(command))
  t.equal(installs.length, 2)
  for (const command of installs) t.match(command, '--frozen-lockfile')
  t.match(runs.map(([, command]) => command).join('\n'), /npm install --global pnpm@\d+\.\d+\.\d+/)
})

t.test('packages are installed from manifests alone, before a source is copied', async (t) => {
  for (const { name, instructions } of stages) {
    const install = instructions.findIndex(([, rest]) => /pnpm install/.test(rest))
    const copied = instructions.slice(0, Math.max(install, 0)).filter(([instruction]) => instruction === 'COPY')
    if (install >= 0) t.same(copied, [['COPY', '--from=manifests /manifests .']], name)
  }
})

t.test(
  'the image of a service has its compiled modules, and starts Node with the arguments of the service',
  async (t) => {
    const [compiled, service] = ['compiled', 'service'].map((name) => stages.find((stage) => stage.name === name))
    const lineOf = (stage: Stage | undefined, pattern: RegExp) =>
      stage?.instructions.map(([instruction, rest]) => `${instruction} ${rest}`).find((line) => pattern.test(line))
    // V8 refuses what was compiled with other arguments, and Node what another user compiled.
    for (const stage of [compiled, service]) {
      t.ok(lineOf(stage, /deploy\/start-service\.sh/))
      t.ok(lineOf(stage, /^USER 1000:1000$/))
    }
    t.match(read('deploy/start-service.sh'), 'node $(cat "services/$SERVICE/node-arguments")')
    t.match(lineOf(service, /^ENV/), 'NODE_COMPILE_CACHE=/app/compiled')
    t.equal(lineOf(service, /compiled compiled$/), 'COPY --from=compiled /tmp/compiled compiled')
    for (const name of services) {
      t.match(read(`services/${name}/node-arguments`), /^--max-semi-space-size=\d+ --max-old-space-size=\d+\n$/)
    }
  },
)

t.test('S37: images have one base, which a digest pins', async (t) => {
  const own = stages.map(({ name }) => name)
  for (const { from } of stages) if (!own.includes(from)) t.equal(from, '$NODE_IMAGE')
  const [, base] = /^ARG NODE_IMAGE=(node:24-slim@sha256:[0-9a-f]{64})$/m.exec(read('deploy/Dockerfile')) ?? []
  t.ok(base)
  for (const file of composeFiles) t.match(read(file), `NODE_IMAGE: \${REKEY_NODE_IMAGE:-${base}}`)
})

t.test('S37: the build sees only what it needs: neither the repository, nor tests, nor secrets', async (t) => {
  const [first, ...lines] = read('.dockerignore')
    .split('\n')
    .filter((line) => line && !line.startsWith('#'))
  t.equal(first, '*')
  const allowed = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1))
  for (const path of allowed) t.ok(existsSync(join(root, path)), path)
  for (const path of ['.git', '.rekey', 'node_modules', 'tests', 'deploy', 'docs'])
    t.notOk(allowed.includes(path), path)
  for (const pattern of ['**/node_modules', '**/*.test.ts', '**/*.proof.ts', '**/*.fixture.ts', '**/.env*']) {
    t.ok(lines.indexOf(pattern) > lines.findLastIndex((line) => line.startsWith('!')), pattern)
  }
})

t.test('S37: an image cannot run the demo identity provider, whose passwords are published', async (t) => {
  const { dependencies } = JSON.parse(read('services/demo-provider/package.json')) as { dependencies: object }
  t.notHas(dependencies, 'oidc-provider', 'images have production packages alone')
  for (const file of composeFiles) t.notMatch(read(file), 'demo-provider')
})

t.test('the seed refuses a database of production', async (t) => {
  const { status, stderr } = spawnSync(process.execPath, ['prisma/seed.ts'], {
    cwd: root,
    encoding: 'utf8',
    env: { DATABASE_URL: 'postgres://rekey@127.0.0.1:1/rekey', REKEY_PROFILE: 'production' },
  })
  t.equal(status, 1)
  t.match(stderr, 'The seed is for the sandbox alone')
  t.notMatch(read('deploy/compose.production.yml'), 'seed')
})

interface ComposeService {
  image: string
  build?: { target: string }
  pull_policy?: string
  read_only?: boolean
  user?: string
  privileged?: boolean
  cap_add?: string[]
  cap_drop?: string[]
  security_opt?: string[]
}

const composeFiles = ['docker-compose.yml', 'deploy/compose.production.yml']
const ofThisRepository = {
  'docker-compose.yml': ['auth-gateway', 'inbox', 'keys', 'migrate', 'notifier', 'password-service'],
  'deploy/compose.production.yml': [
    'auth-gateway',
    'keys',
    'migrate',
    'notifier',
    'password-service',
    'streams',
    'tools',
  ],
}

t.test('S37: every container has a read-only root, no capabilities and no new privileges', async (t) => {
  for (const [file, expected] of Object.entries(ofThisRepository)) {
    const { services } = parse(read(file), { merge: true }) as { services: Record<string, ComposeService> }
    const own = Object.entries(services).filter(([, { image }]) => image.startsWith('localhost/rekey/'))
    t.same(own.map(([name]) => name).toSorted(), expected)
    for (const [name, service] of own) {
      t.equal(service.read_only, true, name)
      t.same(service.cap_drop, ['ALL'], name)
      t.same(service.security_opt, ['no-new-privileges:true'], name)
      for (const setting of ['user', 'privileged', 'cap_add'] as const) t.equal(service[setting], undefined, name)
      // Never pulled: a registry's image cannot take the place of the one that is built.
      t.equal(service.pull_policy, 'build', name)
      t.ok(service.build?.target, name)
    }
    for (const [name, { image }] of Object.entries(services)) {
      if (!image.startsWith('localhost/')) t.match(image, /:v?\d/, `${name} names its version`)
    }
  }
})

t.test('the broker in containers has the PING settings of deploy/nats', async (t) => {
  const { configs } = parse(read('docker-compose.yml'), { merge: true }) as {
    configs: Record<string, { content: string }>
  }
  const pings = (text: string | undefined) => text?.match(/^ping_.*$/gm)
  t.same(pings(configs.nats?.content), ['ping_interval: "2s"', 'ping_max: 2'])
  t.same(pings(read('deploy/nats/nats-server.conf')), pings(configs.nats?.content))
})
