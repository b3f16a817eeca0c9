import { readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Certificate } from '@rekey/test-support/certificate'
import type { Teardown } from '@rekey/test-support/infrastructure'
import type { Line } from './finding.ts'

// Servers that fail in one way each.

const listen = async (t: Teardown, server: Server) => {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** Accepts connections and never answers. */
export const startSilent = (t: Teardown) =>
  listen(
    t,
    createServer(() => {}),
  )

/** The same URL at another port of 127.0.0.1. */
export const atPort = (url: string, port: number) => {
  const moved = new URL(url)
  moved.hostname = '127.0.0.1'
  moved.port = String(port)
  return moved.href
}

/** Passes everything on, except that times in seconds since the epoch are an hour late. */
export const startLateClock = (t: Teardown, target: string) =>
  listen(
    t,
    createServer((socket) => {
      const server = connect(Number(new URL(target).port), '127.0.0.1')
      server.on('error', () => socket.destroy())
      socket.on('close', () => server.destroy())
      socket.pipe(server)
      server.on('data', (chunk) =>
        socket.write(
          Buffer.from(
            chunk
              .toString('latin1')
              .replaceAll(/(?<!\d)(1[789]\d{8})(?=(\d{6})?(?!\d))/g, (seconds) => String(Number(seconds) - 3_600)),
            'latin1',
          ),
        ),
      )
    }),
  )

/** Begins TLS as a server of this protocol does, and ends there. */
export const startTls = (
  t: Teardown,
  protocol: 'direct' | 'nats' | 'postgres' | 'smtp',
  { certFile, keyFile }: Certificate,
) => {
  const [cert, key] = [readFileSync(certFile), readFileSync(keyFile)]
  return listen(
    t,
    createServer((socket) => {
      const secure = () => {
        socket.removeAllListeners('data')
        new TLSSocket(socket, { isServer: true, cert, key }).on('error', () => {})
      }
      if (protocol === 'direct') return secure()
      if (protocol === 'nats') {
        socket.write('INFO {"tls_required":true}\r\n')
        return secure()
      }
      if (protocol === 'smtp') socket.write('220 mail.example\r\n')
      socket.on('data', (data) => {
        if (protocol === 'postgres') {
          socket.write('S')
          secure()
        } else if (/^EHLO/.test(data.toString())) socket.write('250-mail.example\r\n250 STARTTLS\r\n')
        else {
          socket.write('220 go ahead\r\n')
          secure()
        }
      })
    }),
  )
}

/** A mail server that refuses every login. */
export const startStrictSmtp = (t: Teardown) =>
  listen(
    t,
    createServer((socket) => {
      socket.write('220 mail.example\r\n')
      socket.on('data', (data) => {
        if (/^EHLO/.test(data.toString())) socket.write('250-mail.example\r\n250 AUTH PLAIN\r\n')
        else if (/^AUTH/.test(data.toString())) socket.write('535 5.7.8 authentication failed\r\n')
        else socket.end('221 bye\r\n')
      })
    }),
  )

/** Answers by path: JSON, text or a status. */
export const startHttp = async (t: Teardown, answers: Record<string, object | string | number>) => {
  const server = createHttpServer((request, response) => {
    const answer = answers[(request.url ?? '').split('?')[0] ?? ''] ?? 404
    if (typeof answer === 'number') response.writeHead(answer, { location: '/elsewhere' }).end()
    else response.end(typeof answer === 'string' ? answer : JSON.stringify(answer))
  })
  return `http://127.0.0.1:${await listen(t, server)}`
}

/** What is wrong: `FAIL auth-gateway redis connection`. */
export const problemsOf = (lines: readonly Line[]) => [
  ...new Set(
    lines
      .filter(({ level }) => level === 'FAIL' || level === 'warn')
      .map(({ level, service, check }) => `${level} ${service} ${check}`),
  ),
]
