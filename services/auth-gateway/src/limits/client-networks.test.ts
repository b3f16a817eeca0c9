import t from 'tap'
import { networksOf } from './client-networks.ts'

const narrowest = (address: string) => networksOf(address)[0].name

t.test(
  'S30: all addresses of an IPv6 /64 count as one client, and so do all notations of an IPv4 address',
  async (t) => {
    t.equal(narrowest('2001:db8:1:2:3:4:5:6'), narrowest('2001:db8:1:2::9'))
    t.not(narrowest('2001:db8:1:2::9'), narrowest('2001:db8:1:3::9'))
    t.equal(narrowest('192.0.2.7'), narrowest('::ffff:192.0.2.7'))
    t.not(narrowest('192.0.2.7'), narrowest('192.0.2.8'))
    for (const zone of ['eth0', 'eth0.100', 'wg-office', 'a:b']) {
      t.equal(narrowest(`fe80::1%${zone}`), narrowest('fe80::2'), zone)
    }
  },
)

t.test('S30: an IPv6 /48 counts as four clients', async (t) => {
  t.same(networksOf('2001:db8:1:2::9'), [
    { name: '2001:db8:1:2::/64', clients: 1 },
    { name: '2001:db8:1::/48', clients: 4 },
  ])
  t.same(networksOf('192.0.2.7'), [{ name: '192.0.2.7', clients: 1 }])
})
