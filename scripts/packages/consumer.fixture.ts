import { execFile } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { sandboxCustomers } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import { codesOf } from '@rekey/test-support/flows'
import type { Rekey } from '@rekey/test-support/rekey'
import { leavePages } from '@rekey/test-support/visitor'
import { codeOfTotp } from '../../services/password-service/src/factors/factors.fixture.ts'
import { type Packed, packPackages } from './pack.ts'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')

type Teardown = { teardown(work: () => unknown): void }

/** TypeBox as this workspace has it, as a tarball: the test needs no network. */
const packTypebox = async (folder: string): Promise<string> => {
  const path = join(folder, 'typebox.tgz')
  // Copied first: tar would store equal files as hard links, which npm does not extract.
  cpSync(join(root, 'packages/contracts/node_modules/@sinclair/typebox'), join(folder, 'package'), {
    recursive: true,
    dereference: true,
  })
  await run('tar', ['-czf', path, '-C', folder, 'package'])
  return path
}

/** An empty folder into which npm installed the packed packages, without a network. */
export const installPacked = async (t: Teardown): Promise<{ dir: string; packed: Packed[] }> => {
  const scratch = mkdtempSync(join(tmpdir(), 'rekey-consumer-'))
  t.teardown(() => rmSync(scratch, { recursive: true, force: true }))
  const [tarballs, dir, cache] = ['tarballs', 'consumer', 'cache'].map((name) => join(scratch, name)) as [
    string,
    string,
    string,
  ]
  for (const folder of [tarballs, dir, cache]) mkdirSync(folder)
  const [packed, typebox] = await Promise.all([packPackages(tarballs), packTypebox(tarballs)])
  writeFileSync(join(dir, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
  const paths = [...packed.map(({ path }) => path), typebox]
  await run(
    'npm',
    ['install', ...paths, '--offline', '--cache', cache, '--no-audit', '--no-fund', '--ignore-scripts'],
    {
      cwd: dir,
    },
  )
  // The listener's sample needs it.
  symlinkSync(realpathSync(join(root, 'node_modules/nats')), join(dir, 'node_modules/nats'))
  return { dir, packed }
}

/** Nodes of this machine, by version: the one that runs the tests, and those on PATH. */
export const findNodes = async (): Promise<Map<string, string>> => {
  const onPath = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'node'))
  const nodes = new Map<string, string>()
  for (const path of [process.execPath, ...onPath]) {
    if (!existsSync(path)) continue
    const { stdout } = await run(path, ['--version'])
    if (!nodes.has(stdout.trim())) nodes.set(stdout.trim(), path)
  }
  return nodes
}

/** The code blocks of a README in one language, joined: each goes on where the one before ended. */
export const samplesOf = (name: string, language: string): string => {
  const readme = readFileSync(join(root, 'packages', name, 'README.md'), 'utf8')
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, code]) => code).join('\n')
}

/** What the samples call `ask` and `visit`: a person who types a username, a new password, the code of a message, and who goes through pages. */
const prelude = (url: string) => `globalThis.ask = async (question) => {
  const response = await fetch(${JSON.stringify(url)}, { method: 'POST', body: question })
  if (!response.ok) throw new Error(await response.text())
  return response.text()
}
globalThis.visit = (url) => ask(\`Visit \${url}\`)
`

/** The sandbox's customer with an authenticator app. */
const [, , { addresses: [appAddress] = [], totpSecret = '' } = {}] = sandboxCustomers
export const withApp = { email: appAddress?.value ?? '', secret: totpSecret }

/** Serves the answers of a customer to the questions of the samples. @returns a module that defines `ask` and `visit` */
export const startCustomer = async (t: Teardown, rekey: Rekey, email: string): Promise<string> => {
  const codeOf = (verificationCode: string) =>
    eventually(
      async () => {
        const messages = await Promise.all([email, withApp.email].map((address) => rekey.inbox.messagesTo(address)))
        return messages
          .flat()
          .map(codesOf)
          .find(({ verification }) => verification === verificationCode)?.confirmation
      },
      { what: `the message with ${verificationCode}` },
    )
  const answerTo = async (question: string): Promise<string> => {
    const verificationCode = /^Code of message (\d{4})$/.exec(question)?.[1]
    if (verificationCode) return codeOf(verificationCode)
    if (question === 'Code of the authenticator app') {
      // Each Node runs the samples, and a code is right once.
      rekey.clock.advance(30_000)
      return codeOfTotp({ secret: withApp.secret }, rekey.clock.now())
    }
    if (question.startsWith('Visit ')) return leavePages(rekey, question.slice('Visit '.length), email)
    return question.includes('password') ? 'a new password of the samples' : email
  }
  const server = createServer(async (request, response) => {
    try {
      response.end(await answerTo(Buffer.concat(await request.toArray()).toString()))
    } catch (error) {
      response.writeHead(500).end(String(error))
    }
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.teardown(() => server.close())
  return prelude(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
}

/** Writes a file into a folder of consumers and runs it. @throws Error with its output if it fails */
export const runFile = async (node: string, dir: string, name: string, code: string, args: string[] = []) => {
  mkdirSync(dirname(join(dir, name)), { recursive: true })
  writeFileSync(join(dir, name), code)
  return (await run(node, [...args, name], { cwd: dir, env: { PATH: process.env.PATH ?? '' } })).stdout
}
