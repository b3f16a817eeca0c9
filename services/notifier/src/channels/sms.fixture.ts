import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Teardown } from '@rekey/test-support/infrastructure'

/** Starts an SMS vendor that answers each request the same. Without a status it never answers. @returns its URL */
export const startVendor = async (t: Teardown, status?: number, body = '', type = 'application/json') => {
  const server = createServer((_request, response) => {
    if (status !== undefined) response.writeHead(status, { 'content-type': type }).end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/sms`
}
