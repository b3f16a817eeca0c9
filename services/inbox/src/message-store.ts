import { randomUUID } from 'node:crypto'

export interface Address {
  Name: string
  Address: string
}

/** A message as Mailpit's API names its fields. */
export interface Message {
  ID: string
  /** Of a mail: its Message-ID without the angle brackets. Of an SMS: the id that its sender gave it. */
  MessageID: string
  From: Address
  To: Address[]
  Subject: string
  /** When it arrived, ISO 8601. */
  Created: string
  /** Bytes as received. */
  Size: number
  Text: string
  HTML: string
}

/** Keeps the newest messages in memory, up to `capacity`. */
export const createMessageStore = ({ capacity }: { capacity: number }) => {
  let newestFirst: Message[] = []
  return {
    add(message: Omit<Message, 'ID' | 'Created'>): Message {
      const added = { ...message, ID: randomUUID(), Created: new Date().toISOString() }
      newestFirst = [added, ...newestFirst.slice(0, capacity - 1)]
      return added
    },
    /** Newest first. */
    list: (): readonly Message[] => newestFirst,
    find: (id: string) => newestFirst.find(({ ID }) => ID === id),
    clear() {
      newestFirst = []
    },
  }
}
export type MessageStore = ReturnType<typeof createMessageStore>
