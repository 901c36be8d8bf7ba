-- What can be ordered, and what was. Prices in the smallest unit of the currency.
CREATE TABLE public.dishes (
  name text PRIMARY KEY,
  price_cents integer NOT NULL CHECK (price_cents > 0)
);
INSERT INTO public.dishes (name, price_cents) VALUES
  ('tacos', 950), ('pozole', 1450), ('mole', 1890), ('ensalada', 780), ('flan', 650), ('agua fresca', 350);

CREATE TABLE public.orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- What others know the order by: an id counts up from 1 in every new database.
  reference uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
  table_number integer NOT NULL CHECK (table_number > 0),
  items jsonb NOT NULL,
  total_cents integer NOT NULL CHECK (total_cents > 0),
  state text NOT NULL DEFAULT 'placed' CHECK (state IN ('placed', 'in_kitchen', 'cooked', 'served')),
  payment text NOT NULL DEFAULT 'unpaid' CHECK (payment IN ('unpaid', 'paid', 'declined')),
  -- Absent: it is paid at the table.
  payment_method text,
  payment_id text,
  -- When somebody may try to collect it: whoever tries moves it on first.
  pay_after timestamptz,
  -- When the kitchen was last told.
  queued_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  idempotency_key text UNIQUE,
  idempotency_fingerprint text
);
-- The table is its own outbox: what is placed is told to the kitchen until the kitchen says that it has it.
CREATE INDEX orders_placed ON public.orders (id) WHERE state = 'placed';
CREATE INDEX orders_to_collect ON public.orders (pay_after)
  WHERE payment = 'unpaid' AND payment_method IS NOT NULL;
