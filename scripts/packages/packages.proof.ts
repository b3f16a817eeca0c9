import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { launchBrowser, noBrowser } from '@rekey/test-support/browser'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { codesOf, signsIn } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { connect, headers } from 'nats'
import { rolldown } from 'rolldown'
import t from 'tap'
import { seedSandbox } from '../../services/password-service/src/customers/sandbox.ts'
import { findNodes, installPacked, samplesOf } from './consumer.fixture.ts'
import { requirePackages, runSamples } from './on-node.fixture.ts'

// The packages as another repository gets them: packed by npm and installed into an empty folder.

const root = resolve(import.meta.dirname, '../..')
const mostBrowserBytes = 6 * 1024
t.setTimeout(300_000)

const [rekey, { dir, packed }, nodes] = await Promise.all([
  startRekey(t, { env: { REKEY_RESEND_SECONDS: '1' } }),
  installPacked(t),
  findNodes(),
])
await seedSandbox(rekey.passwordServiceConfig)
for (const { name, files, bytes } of packed) t.comment(`${name}: ${files} files, ${bytes} bytes packed`)

t.test('the packages have the version of the repository, and the client has no dependency', async (t) => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const manifestOf = (name: string) =>
    JSON.parse(readFileSync(join(dir, 'node_modules/@rekey', name, 'package.json'), 'utf8'))
  t.match(manifestOf('client'), { version, type: 'module' })
  t.notOk('dependencies' in manifestOf('client'))
  t.match(manifestOf('contracts'), { version, dependencies: { '@sinclair/typebox': String } })
  t.same(Object.keys(manifestOf('contracts').dependencies), ['@sinclair/typebox'])
  const typesOf = (name: string) => readFileSync(join(dir, 'node_modules/@rekey', name, 'index.d.ts'), 'utf8')
  t.notMatch(typesOf('client'), /^import .* from/m)
})

for (const [version, node] of nodes) {
  t.test(`Node ${version}: the samples of the client's README restore a password`, (t) =>
    runSamples(t, rekey, node, dir),
  )
  t.test(`Node ${version}: CommonJS loads both packages by require`, (t) => requirePackages(t, node, dir))
}

for (const moduleResolution of ['bundler', 'nodenext']) {
  t.test(`strict TypeScript accepts correct calls and refuses wrong ones (${moduleResolution})`, async (t) => {
    const compilerOptions = {
      strict: true,
      noEmit: true,
      skipLibCheck: false,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      module: moduleResolution === 'bundler' ? 'esnext' : 'nodenext',
      moduleResolution,
      target: 'es2022',
      lib: ['es2022', 'dom'],
      types: [],
    }
    writeFileSync(join(dir, 'consumer.ts'), readFileSync(join(import.meta.dirname, 'consumer.fixture.txt')))
    writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }))
    const checked = promisify(execFile)(join(root, 'node_modules/.bin/tsc'), ['-p', dir])
    const { stdout } = await checked.catch((error) => error as { stdout: string })
    t.equal(stdout, '')
  })
}

t.test('the listener of the contracts’ README reads an event and ends a message that is none', async (t) => {
  // The samples above restored passwords: the stream has their events.
  writeFileSync(join(dir, 'listener.js'), samplesOf('contracts', 'js'))
  const listener = execFile(process.execPath, ['listener.js'], {
    cwd: dir,
    env: { PATH: process.env.PATH ?? '', NATS_URL: rekey.nats.url },
  })
  t.teardown(() => listener.kill('SIGKILL'))
  let output = ''
  for (const stream of [listener.stdout, listener.stderr]) stream?.on('data', (data) => (output += data))
  listener.on('exit', (code) => (output += `the listener ended with ${code}`))
  await eventually(() => /hold until 2|ended with/.test(output), { what: 'an event' })
  t.match(output, 'hold until 2')
  const broker = await connect({ servers: rekey.nats.url })
  t.teardown(() => broker.close())
  const refused = headers()
  for (const [name, value] of Object.entries({ id: '1', type: 'password.restored', source: 's', subject: 'c' })) {
    refused.set(`ce-${name}`, value)
  }
  refused.set('ce-time', '2026-11-21T20:37:12Z')
  await broker.jetstream().publish('password.restored', '{"customer":1}', { headers: refused })
  await eventually(() => /^password\.restored: \/\w+: /m.test(output), { what: 'the refusal of the message' })
})

/** The client as a site's bundle contains it. */
const bundleForBrowser = async () => {
  writeFileSync(join(dir, 'entry.js'), "export * from '@rekey/client'\n")
  const bundle = await rolldown({ input: join(dir, 'entry.js'), cwd: dir, platform: 'browser' })
  const { output } = await bundle.generate({ format: 'esm', minify: true })
  return output[0].code
}

t.test('the bundled client restores a password in a browser, from another origin', { skip: noBrowser }, async (t) => {
  const code = await bundleForBrowser()
  const bytes = gzipSync(code).byteLength
  t.comment(`the client for browsers: ${code.length} bytes, ${bytes} compressed`)
  t.ok(bytes <= mostBrowserBytes, `${bytes} bytes`)

  const pageFolder = join(root, 'examples/restore-page')
  const files: Record<string, [type: string, content: string | Buffer]> = {
    '/': ['text/html', readFileSync(join(pageFolder, 'index.html'))],
    '/restore.js': ['text/javascript', readFileSync(join(pageFolder, 'restore.js'))],
    '/rekey-client.js': ['text/javascript', code],
  }
  const site = createServer((request, response) => {
    const [type, content] = files[request.url?.split('?')[0] ?? ''] ?? ['text/plain', '']
    response.setHeader('content-type', type).end(content)
  })
  await new Promise<void>((done) => site.listen(0, 'localhost', done))
  t.teardown(() => site.close())

  const customer = await createCustomer(rekey.postgres.url)
  const browser = await launchBrowser(t)
  const page = await browser.newPage()
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(String(error)))
  await page.goto(`http://localhost:${(site.address() as AddressInfo).port}/?gateway=${rekey.url}`)
  await page.fill('[name=username]', customer.email)
  await page.click('#begin button')
  await page.waitForSelector('#confirm:not([hidden])')
  const verification = await page.textContent('#verification')
  const message = await eventually(
    async () =>
      (await rekey.inbox.messagesTo(customer.email)).find((one) => codesOf(one).verification === verification),
    { what: 'the message with the code' },
  )
  await page.reload()
  await page.fill('[name=code]', codesOf(message).confirmation)
  await page.click('#confirm button')
  await page.waitForSelector('#finish:not([hidden])')
  await page.fill('[name=password]', 'short')
  await page.click('#finish button')
  await page.waitForSelector('#message:has-text("another password")')
  await page.fill('[name=password]', 'a password of a browser')
  await page.click('#finish button')
  await page.waitForSelector('#message:has-text("Your password is set")')
  t.same(problems, [])
  t.ok(await signsIn(rekey, customer, 'a password of a browser'))
})
