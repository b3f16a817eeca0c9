import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Teardown } from '@rekey/test-support/infrastructure'

type Answer = (response: ServerResponse, request: IncomingMessage) => void

export const sha1Of = (password: string) => createHash('sha1').update(password).digest('hex').toUpperCase()

const padding = Array.from({ length: 20 }, (_, index) => `${sha1Of(`padding ${index}`).slice(5)}:0`)

/** A range API of leaked passwords, on loopback. */
export const startRangeApi = async (t: Teardown) => {
  const leaked = new Map<string, number>()
  const requests: IncomingMessage[] = []
  let connections = 0
  const range: Answer = (response, request) => {
    const prefix = request.url?.slice(-5) ?? ''
    const lines = [...leaked].flatMap(([password, count]) => {
      const digest = sha1Of(password)
      return digest.startsWith(prefix) ? `${digest.slice(5)}:${count}` : []
    })
    response.end([...lines, ...padding].join('\r\n'))
  }
  let answer = range
  const server = createServer((request, response) => {
    requests.push(request)
    answer(response, request)
  })
  server.on('connection', () => {
    connections += 1
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  t.teardown(close)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/range`,
    /** Every request, the oldest first. */
    requests,
    connections: () => connections,
    leak: (password: string, count = 3) => void leaked.set(password, count),
    /** Answers every later request with this; without an argument as the API does. */
    answerWith(other: Answer = range) {
      answer = other
    },
    close,
  }
}
