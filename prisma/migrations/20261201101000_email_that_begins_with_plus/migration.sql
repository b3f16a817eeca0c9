-- An e-mail address that begins with + was stored as a phone number, as it was written. Locks those rows alone. An address
-- that another row has too, apart from case, is left as it is: no two rows may have one value.
UPDATE identifier AS one SET kind = 'email', value = lower(value)
WHERE kind = 'phone' AND value LIKE '%@%'
  AND NOT EXISTS (SELECT FROM identifier AS other WHERE lower(other.value) = lower(one.value) AND other.id <> one.id);
