import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { findMember } from './demo-staff.ts'
import { createProvider, type DemoClient, type ProviderSettings } from './provider.ts'
import { signInPage, stylesheet, textPage } from './sign-in-page.ts'

export { demoStaff } from './demo-staff.ts'

interface Options extends DemoClient {
  host: string
  /** 0: any free port. */
  port: number
}

const longestForm = 4_096

/** Without `form-action`: Chromium applies it to the redirects after a form too, and those lead to the console. */
const headers = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'",
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

const send = (response: ServerResponse, status: number, page: string) => response.writeHead(status, headers).end(page)

/** @throws Error if the form is too long */
const readForm = async (request: IncomingMessage): Promise<URLSearchParams> => {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request) {
    length += chunk.length
    if (length > longestForm) throw new Error('the form is too long')
    chunks.push(chunk)
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'))
}

/** What the sandbox starts in place of a platform's identity provider: an OpenID Provider for two members of staff. */
export const createDemoProvider = async ({ host, port, ...client }: Options) => {
  const settings: ProviderSettings = { accessTokenSeconds: 300, scope: 'REST:FULL', disabled: new Set() }
  let handle: (request: IncomingMessage, response: ServerResponse) => unknown = () => {}
  const server = createServer((request, response) => {
    Promise.resolve(handle(request, response)).catch(() => {
      if (!response.headersSent)
        send(response, 400, textPage('That did not work', 'The sign-in has expired. Begin at the console again.'))
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  // A name, so that the provider and a gateway at 127.0.0.1 are two sites, as they are in production.
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`
  const provider = await createProvider({ ...client, issuer, settings })
  const callback = provider.callback()

  const signIn = async (request: IncomingMessage, response: ServerResponse) => {
    const action = request.url ?? ''
    await provider.interactionDetails(request, response)
    if (request.method !== 'POST') return send(response, 200, signInPage({ action }))
    const form = await readForm(request)
    const name = form.get('name') ?? ''
    const member = findMember(name, form.get('password') ?? '')
    if (!member) return send(response, 400, signInPage({ action, name, isWrong: true }))
    return provider.interactionFinished(request, response, { login: { accountId: member.name } })
  }

  handle = async (request, response) => {
    const path = request.url ?? ''
    if (path === '/readyz')
      return response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ok"}')
    if (path === stylesheet.path) return response.writeHead(200, { 'content-type': 'text/css' }).end(stylesheet.text)
    if (path.startsWith('/sign-in/')) return signIn(request, response)
    return callback(request, response)
  }

  return {
    issuer,
    /** A test may change them. */
    settings,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

export type DemoProvider = Awaited<ReturnType<typeof createDemoProvider>>
