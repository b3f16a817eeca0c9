import { setTimeout as delay } from 'node:timers/promises'
import type { Inbox, ReceivedMessage } from '@rekey/test-support/inbox'

/** Every message that arrived: the inbox itself keeps only the newest thousand. */
export interface Mailbox {
  /** In the order of their arrival. */
  messages: ReceivedMessage[]
  /** Waits for a message to an address. @returns undefined after the time-out or an abort */
  waitFor(
    to: string,
    matches: (message: ReceivedMessage) => boolean,
    options: { timeoutMs: number; signal: AbortSignal },
  ): Promise<ReceivedMessage | undefined>
  close(): Promise<void>
}

const pollMs = 50
const pageSize = 50

const getJson = async <T>(url: string) => (await fetch(url)).json() as Promise<T>

/** Collects what an inbox receives, for as long as it is open. */
export const openMailbox = (inbox: Pick<Inbox, 'httpUrl'>): Mailbox => {
  const api = `${inbox.httpUrl}/api/v1`
  const messages: ReceivedMessage[] = []
  const byAddress = new Map<string, ReceivedMessage[]>()
  const known = new Set<string>()
  const closed = new AbortController()

  /** Ids of uncollected messages, the oldest first. */
  const newIds = async () => {
    const found: string[] = []
    for (let start = 0; ; start += pageSize) {
      const page = await getJson<{ messages: { ID: string }[] }>(`${api}/messages?start=${start}&limit=${pageSize}`)
      const unknown = page.messages.filter(({ ID }) => !known.has(ID) && !found.includes(ID))
      found.push(...unknown.map(({ ID }) => ID))
      if (unknown.length < pageSize) return found.reverse()
    }
  }
  const collect = async () => {
    for (const id of await newIds()) {
      const message = await getJson<ReceivedMessage>(`${api}/message/${id}`)
      known.add(id)
      messages.push(message)
      for (const { Address } of message.To) byAddress.set(Address, [...(byAddress.get(Address) ?? []), message])
    }
  }
  const loop = async () => {
    while (!closed.signal.aborted) {
      await collect()
      await delay(pollMs, undefined, { signal: closed.signal }).catch(() => {})
    }
    await collect()
  }
  const running = loop()
  // close() reports a failure: without this it would end the process.
  running.catch(() => {})

  return {
    messages,
    async waitFor(to, matches, { timeoutMs, signal }) {
      const deadline = performance.now() + timeoutMs
      while (performance.now() < deadline && !signal.aborted) {
        const message = byAddress.get(to)?.findLast(matches)
        if (message) return message
        await delay(pollMs, undefined, { signal }).catch(() => {})
      }
    },
    async close() {
      closed.abort()
      await running
    },
  }
}
