import { connect } from 'node:net'

/**
 * Sends bytes unchanged on a new connection.
 *
 * @returns everything received until the server closes the connection
 * @throws Error if it does not close within a minute
 */
export const sendRaw = (url: string, bytes: string | Buffer): Promise<string> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    const received: Buffer[] = []
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
    const timeout = setTimeout(() => socket.destroy(new Error('the server did not close the connection')), 60_000)
    socket.on('data', (data) => received.push(data))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // The server refused before it read everything: its answer counts.
      if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') reject(error)
    })
    socket.on('close', () => {
      clearTimeout(timeout)
      resolve(Buffer.concat(received).toString('latin1'))
    })
  })

/** The status of each received answer, in order. */
export const statusesOf = (received: string): number[] =>
  [...received.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map(([, status]) => Number(status))
