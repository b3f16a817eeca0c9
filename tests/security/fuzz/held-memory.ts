/** Opens the inspector of a Node process on a loopback port, which the process prints on standard error. */
export const inspected = { NODE_OPTIONS: '--inspect=127.0.0.1:0' }

/** True for the lines that the inspector prints. */
export const isOfInspector = (line: string) => /^(Debugger |For help, see: )/.test(line)

/** Reads the memory of a process through its inspector (Chrome DevTools Protocol). */
export interface HeldMemory {
  /** MiB in use after a garbage collection: heap, and buffers outside of it. */
  read(): Promise<number>
  close(): void
}

interface Reply {
  id: number
  result?: { result?: { value?: number } }
  error?: { message: string }
}

const expression = `(({ heapUsed, external }) => (heapUsed + external) / 2 ** 20)(process.memoryUsage())`

/** @param log the output of the process @throws Error if it names no inspector, or the inspector refuses connections */
export const openHeldMemory = async (log: string): Promise<HeldMemory> => {
  const url = /^Debugger listening on (ws:\S+)$/m.exec(log)?.[1]
  if (url === undefined) throw new Error('the process did not print the URL of its inspector')
  const socket = new WebSocket(url)
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true })
    socket.addEventListener('error', () => reject(new Error(`${url} refuses connections`)), { once: true })
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
      return (await call('Runtime.evaluate', { expression, returnByValue: true }))?.result?.value as number
    },
    close: () => socket.close(),
  }
}
