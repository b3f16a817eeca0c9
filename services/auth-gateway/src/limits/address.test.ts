import t from 'tap'
import { networkOf } from './address.ts'

t.test('S30 whoever has an IPv6 network is one client, and an IPv4 address is one however it is written', async (t) => {
  t.equal(networkOf('2001:db8:1:2:3:4:5:6'), networkOf('2001:db8:1:2::9'))
  t.not(networkOf('2001:db8:1:2::9'), networkOf('2001:db8:1:3::9'))
  t.equal(networkOf('192.0.2.7'), networkOf('::ffff:192.0.2.7'))
  t.not(networkOf('192.0.2.7'), networkOf('192.0.2.8'))
  for (const zone of ['eth0', 'eth0.100', 'wg-office', 'a:b']) {
    t.equal(networkOf(`fe80::1%${zone}`), networkOf('fe80::2'), zone)
  }
})
