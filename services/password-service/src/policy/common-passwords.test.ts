import { dictionary } from '@zxcvbn-ts/language-common'
import t from 'tap'
import { loadCommonPasswords } from './common-passwords.ts'

const isCommon = await loadCommonPasswords()

t.test('S16 more than ten thousand common passwords of at least eight characters are refused', async (t) => {
  const long = dictionary['passwords-common'].filter((password) => Array.from(password).length >= 8)
  t.ok(long.length > 10_000, String(long.length))
  t.same(
    long.filter((password) => !isCommon(password)),
    [],
  )
})

t.test('S16 a common password is refused in any case', async (t) => {
  for (const password of ['password1', 'PassWord1', 'QWERTY123', 'Iloveyou', 'ILOVEYOU'])
    t.ok(isCommon(password), password)
})

t.test('S16 repetitions, keyboard rows and dates are refused too', async (t) => {
  const passwords = [
    ...['88888888', 'aaaaaaaaaa', 'абабабаб', 'qwerqwer', '1234512345', '🔑🔑🔑🔑🔑🔑🔑🔑'],
    ...['12345678', '0987654321', '1234567890123', 'abcdefgh', 'ZYXWVUTS', 'poiuytre', 'lkjhgfdsa', 'Qwertzui'],
    ...['31121999', '12311999', '19991231', '19841984', '31.12.1999', '1999-12-31', '20011985'],
  ]
  for (const password of passwords) t.ok(isCommon(password), password)
})

t.test('S16 a password that only contains a common one is accepted', async (t) => {
  const passwords = [
    ...['password1 of mine', 'my iloveyou song', 'xpassword1x', 'Pass wor d1'],
    ...['correct horse correct horse ', 'abcdefgh and so on', '12345678x', 'in 1984, on 31.12.'],
    ...['99999999 balloons', '45671234', '31131999'],
  ]
  for (const password of passwords) t.notOk(isCommon(password), password)
})
