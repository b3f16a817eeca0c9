import t from 'tap'
import type { EventDefinition } from './events/event.ts'
import { streams } from './events/index.ts'
import { NotifyCode, NotifyTemporaryPassword } from './events/notify.ts'
import { messagePurposes } from './messages.ts'

t.test('B13: every message names its customer, and every notification is a purpose of the log', async (t) => {
  const events: readonly EventDefinition[] = streams.NOTIFY.events
  for (const event of events) t.ok('customerId' in event.data.properties, event.type)
  const notifications = events.filter((event) => event !== NotifyCode && event !== NotifyTemporaryPassword)
  for (const { type } of notifications) {
    const purpose = type.replace('notify.', '').replaceAll('-', '_')
    t.ok((messagePurposes as readonly string[]).includes(purpose), purpose)
  }
})
