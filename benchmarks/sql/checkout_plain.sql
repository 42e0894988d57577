-- One checkout as plain statements, prepared, as the application's role under its row policies: the plain limit.
-- Variables: k (0), first (client's number), hot (0, or the campaign that all want), notices (1 or 0), account.
-- The first of ten opens a group, nine join it. Two lines.
\set k :k + 1
\set m (:first + :client_id) * 100000 + :k
\set g (:first + :client_id) * 100000 + (:k - 1) / 10
\if :hot > 0
\set c :hot
\else
\set c 1 + (:g + (:first + :client_id) * 5) % 40
\endif
BEGIN;
SET LOCAL yundian.brand = '000000ff-0000-7000-8000-000000000001';
INSERT INTO web_idempotency (brand_id, id, created_at, caller, operation, key_hash, request_hash, status, answer, expires_at)
    VALUES (bench.brand(), uuidv7(), now(), 'customer:' || bench.id(6, :m), 'groupbuy_check_out', sha256(bench.id(6, :m)::text::bytea), sha256('request'), 201, repeat('a', 700)::bytea, now() + interval '1 day');
\if (:k - 1) % 10 = 0
INSERT INTO groupbuy_group (brand_id, id, created_at, code, campaign_id, shop_id, leader_member_id, state, size, late_policy, taken, paid, opened_at, deadline_at, end_reason)
    VALUES (bench.brand(), bench.id(7, :g), now(), 'p' || :g, bench.id(2, :c), bench.id(1, :c), bench.id(6, :m), 'opening', 10, 'open_new_group', 1, 0, now(), now() + interval '1 day', '');
INSERT INTO outbox_timer (brand_id, id, name, key, due_at, next_at, payload)
    VALUES (bench.brand(), uuidv7(), 'groupbuy.deadline', bench.id(7, :g)::text, now() + interval '1 day', now() + interval '1 day', '{}');
\else
UPDATE groupbuy_group SET taken = taken + 1 WHERE brand_id = bench.brand() AND id = bench.id(7, :g) AND state IN ('opening', 'open') AND taken < size AND deadline_at > now();
\endif
UPDATE groupbuy_item SET reserved = reserved + 1 WHERE brand_id = bench.brand() AND id = bench.id(3, :c * 2) AND reserved + sold < quota;
UPDATE groupbuy_item SET reserved = reserved + 1 WHERE brand_id = bench.brand() AND id = bench.id(3, :c * 2 + 1) AND reserved + sold < quota;
UPDATE stores_stock SET reserved = reserved + 1 WHERE brand_id = bench.brand() AND id = bench.id(4, :c * 2) AND on_hand > reserved;
UPDATE stores_stock SET reserved = reserved + 1 WHERE brand_id = bench.brand() AND id = bench.id(4, :c * 2 + 1) AND on_hand > reserved;
INSERT INTO stores_stock_movement (brand_id, id, created_at, shop_id, sku_id, kind, on_hand_delta, reserved_delta, reference, reason)
    VALUES (bench.brand(), uuidv7(), now(), bench.id(1, :c), bench.id(5, :c * 2), 'reserve', 0, 1, 'order:' || bench.id(8, :m), ''), (bench.brand(), uuidv7(), now(), bench.id(1, :c), bench.id(5, :c * 2 + 1), 'reserve', 0, 1, 'order:' || bench.id(8, :m), '');
INSERT INTO orders_order (brand_id, id, created_at, number, channel, external_shop, external_id, source_state, origin_type, origin_id, member_id, state, close_reason, attributed_shop_id, fulfil_shop_id, campaign_id, stock_reference, currency, goods_minor, discount_minor, shipping_minor, total_minor, paid_minor, refunded_minor, placed_at, expires_at, note)
    VALUES (bench.brand(), bench.id(8, :m), now(), 'P' || :m, 'groupbuy', '', '', '', 'groupbuy.seat', bench.id(9, :m), bench.id(6, :m), 'created', '', bench.id(1, :c), bench.id(1, :c), bench.id(2, :c), 'order:' || bench.id(8, :m), 'CNY', 2500, 0, 0, 2500, 0, 0, now(), now() + interval '15 min', '');
INSERT INTO orders_line (brand_id, order_id, line_no, sku_id, sku_code, name, shade_name, quantity, currency, unit_minor, discount_minor, total_minor, refunded_minor, refunded_quantity)
    VALUES (bench.brand(), bench.id(8, :m), 1, bench.id(5, :c * 2), 'SKU', 'A lipstick', 'Rose', 1, 'CNY', 1250, 0, 1250, 0, 0), (bench.brand(), bench.id(8, :m), 2, bench.id(5, :c * 2 + 1), 'SKU', 'A lipstick', 'Plum', 1, 'CNY', 1250, 0, 1250, 0, 0);
INSERT INTO orders_event (brand_id, order_id, id, at, kind, actor_kind, actor_id, facts)
    VALUES (bench.brand(), bench.id(8, :m), uuidv7(), now(), 'placed', 'customer', bench.id(6, :m), '{}');
INSERT INTO groupbuy_seat (brand_id, id, created_at, group_id, campaign_id, member_id, order_id, order_number, payment_id, shop_id, pickup_shop_id, item_ids, quantities, unit_prices, total_minor, currency, nth, state, expires_at)
    VALUES (bench.brand(), bench.id(9, :m), now(), bench.id(7, :g), bench.id(2, :c), bench.id(6, :m), bench.id(8, :m), 'P' || :m, bench.id(10, :m), bench.id(1, :c), bench.id(1, :c), ARRAY[bench.id(3, :c * 2), bench.id(3, :c * 2 + 1)], '{1,1}', '{1250,1250}', 2500, 'CNY', 1, 'reserved', now() + interval '15 min');
INSERT INTO attribution_credit (brand_id, id, created_at, subject_type, subject_id, member_id, shop_id, campaign_id, rule, link_id, touch_id, marks, evidence, state, amount_minor, refunded_minor, currency, decided_at)
    VALUES (bench.brand(), uuidv7(), now(), 'order', bench.id(8, :m), bench.id(6, :m), bench.id(1, :c), bench.id(2, :c), 'link', bench.id(11, :c), uuidv7(), '{}', jsonb_build_object('claims', repeat('e', 400)), 'provisional', 2500, 0, 'CNY', now());
INSERT INTO payments_payment (brand_id, id, created_at, subject_type, subject_id, description, return_path, amount_minor, currency, state, captured_minor, reserved_minor, refunded_minor, expires_at)
    VALUES (bench.brand(), bench.id(10, :m), now(), 'order', bench.id(8, :m), 'A group-buy', '/m/bench/g/abcdefghij', 2500, 'CNY', 'pending', 0, 0, 0, now() + interval '15 min');
INSERT INTO outbox_event (brand_id, id, tag, payload)
    VALUES (bench.brand(), uuidv7(), 'bench.ignored.v1', jsonb_build_object('order', repeat('o', 1000)));
COMMIT;
\if :notices
BEGIN;
SET LOCAL yundian.brand = '000000ff-0000-7000-8000-000000000001';
INSERT INTO payments_notice (brand_id, id, created_at, account_id, provider, kind, ref, digest, sealed, signature_ok, merchant_id, app_id, out_trade_no, standing, provider_ref, amount_minor, currency, paid_at, out_refund_no, refund_standing, refund_ref, outcome)
    VALUES (bench.brand(), uuidv7(), now(), :account, 'wechat', 'payment', 'P' || :m, sha256(bench.id(8, :m)::text::bytea), repeat('n', 1000)::bytea, true, '1600000001', 'wx1', 'P' || :m, 'paid', 'P' || :m, 2500, 'CNY', now(), '', '', '', '');
INSERT INTO outbox_event (brand_id, id, tag, payload)
    VALUES (bench.brand(), uuidv7(), 'bench.ignored.v1', jsonb_build_object('notice_id', bench.id(10, :m)));
COMMIT;
\endif
