/** Makes a Node process take questions about itself, on a port of this machine that it tells on its standard error. */
export const inspected = { NODE_OPTIONS: '--inspect=127.0.0.1:0' }

/** Lines that this adds to what the process says. */
export const isOfInspector = (line: string) => /^(Debugger |For help, see: )/.test(line)

/** What a process holds on to, asked through its inspector (Chrome DevTools Protocol). */
export interface HeldMemory {
  /** MiB that are in use after a collection: objects, and buffers outside of the heap. */
  read(): Promise<number>
  close(): void
}

interface Reply {
  id: number
  result?: { result?: { value?: number } }
  error?: { message: string }
}

const question = `(({ heapUsed, external }) => (heapUsed + external) / 2 ** 20)(process.memoryUsage())`

/** `log`: all that the process has said. @throws Error where it tells of no inspector, or that takes no connection */
export const openHeldMemory = async (log: string): Promise<HeldMemory> => {
  const url = /^Debugger listening on (ws:\S+)$/m.exec(log)?.[1]
  if (url === undefined) throw new Error('the process tells of no inspector')
  const socket = new WebSocket(url)
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true })
    socket.addEventListener('error', () => reject(new Error(`${url} takes no connection`)), { once: true })
  })
  const waiting = new Map<number, (reply: Reply) => void>()
  socket.addEventListener('message', ({ data }) => {
    const reply = JSON.parse(String(data)) as Reply
    waiting.get(reply.id)?.(reply)
    waiting.delete(reply.id)
  })
  let count = 0
  const call = async (method: string, params: object = {}): Promise<Reply['result']> => {
    count += 1
    const id = count
    const reply = new Promise<Reply>((resolve) => waiting.set(id, resolve))
    socket.send(JSON.stringify({ id, method, params }))
    const { result, error } = await reply
    if (error) throw new Error(`${method}: ${error.message}`)
    return result
  }
  return {
    async read() {
      await call('HeapProfiler.collectGarbage')
      return (await call('Runtime.evaluate', { expression: question, returnByValue: true }))?.result?.value as number
    },
    close: () => socket.close(),
  }
}
