import { readFileSync } from 'node:fs'
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

t.test('S37: an image runs as another user than root, and is installed from the lock file', async (t) => {
  t.equal(targets.length, 2)
  for (const { name, instructions } of targets) {
    t.same(instructions.filter(([instruction]) => instruction === 'USER').at(-1), ['USER', 'node'], name)
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

t.test(
  'the image of a service has its compiled modules, and starts Node with the arguments of the service',
  async (t) => {
    const [compiled, service] = ['compiled', 'service'].map((name) => stages.find((stage) => stage.name === name))
    const lineOf = (stage: Stage | undefined, pattern: RegExp) =>
      stage?.instructions.map(([instruction, rest]) => `${instruction} ${rest}`).find((line) => pattern.test(line))
    // V8 refuses what was compiled with other arguments, and Node what another user compiled.
    for (const stage of [compiled, service]) {
      t.match(lineOf(stage, /main\.ts/), 'node $(cat services/$SERVICE/node-arguments) services/$SERVICE/src/main.ts')
      t.ok(lineOf(stage, /^USER node$/))
    }
    t.match(lineOf(service, /^ENV/), 'NODE_COMPILE_CACHE=/app/compiled')
    t.equal(lineOf(service, /compiled compiled$/), 'COPY --from=compiled /tmp/compiled compiled')
    for (const name of ['auth-gateway', 'password-service', 'notifier']) {
      t.match(read(`services/${name}/node-arguments`), /^--max-semi-space-size=\d+ --max-old-space-size=\d+\n$/)
    }
  },
)

t.test('S37: images name the version of their base, and contain neither the repository nor secrets', async (t) => {
  const own = stages.map(({ name }) => name)
  for (const { from } of stages) if (!own.includes(from)) t.match(from, /^node:24-slim(@sha256:[0-9a-f]{64})?$/)
  const ignored = read('.dockerignore').split('\n')
  for (const entry of ['.git', '.rekey', '**/node_modules']) t.ok(ignored.includes(entry), entry)
})

t.test('S37: an image cannot run the demo identity provider, whose passwords are published', async (t) => {
  const { dependencies } = JSON.parse(read('services/demo-provider/package.json')) as { dependencies: object }
  t.notHas(dependencies, 'oidc-provider', 'images have production packages alone')
  t.notMatch(read('docker-compose.yml'), 'demo-provider')
})

interface ComposeService {
  image: string
  build?: { target: string }
  read_only?: boolean
  user?: string
  privileged?: boolean
  cap_add?: string[]
  cap_drop?: string[]
  security_opt?: string[]
}

t.test('S37: every container has a read-only root, no capabilities and no new privileges', async (t) => {
  const { services } = parse(read('docker-compose.yml'), { merge: true }) as {
    services: Record<string, ComposeService>
  }
  const ownServices = Object.entries(services).filter(([, { image }]) => image.startsWith('rekey/'))
  t.same(ownServices.map(([name]) => name).toSorted(), [
    'auth-gateway',
    'keys',
    'migrate',
    'notifier',
    'password-service',
  ])
  for (const [name, service] of ownServices) {
    t.equal(service.read_only, true, name)
    t.same(service.cap_drop, ['ALL'], name)
    t.same(service.security_opt, ['no-new-privileges:true'], name)
    for (const setting of ['user', 'privileged', 'cap_add'] as const) t.equal(service[setting], undefined, name)
  }
  for (const [name, { image }] of Object.entries(services)) {
    if (!image.startsWith('rekey/')) t.match(image, /:v?\d/, `${name} names its version`)
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
