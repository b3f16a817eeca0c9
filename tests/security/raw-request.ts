import { connect } from 'node:net'

/**
 * Sends bytes as they are on a connection of their own, and gives all that came back until the server hung up.
 *
 * @throws Error when it does not hang up within a minute
 */
export const sendRaw = (url: string, bytes: string | Buffer): Promise<string> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    const received: Buffer[] = []
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
    const patience = setTimeout(() => socket.destroy(new Error('the server did not hang up')), 60_000)
    socket.on('data', (data) => received.push(data))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // Refused before all was sent: what came until then counts.
      if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') reject(error)
    })
    socket.on('close', () => {
      clearTimeout(patience)
      resolve(Buffer.concat(received).toString('latin1'))
    })
  })

/** The status of each answer that came, in order. */
export const statusesOf = (received: string): number[] =>
  [...received.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map(([, status]) => Number(status))
