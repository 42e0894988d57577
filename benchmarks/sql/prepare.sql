-- What both sides of benchmarks/checkout.py work on: forty campaigns of two SKUs with a shop and a link each, one
-- campaign more whose SKU everybody wants (41), and ids that a script can compute. Run once, as the owner.
CREATE SCHEMA bench;
CREATE FUNCTION bench.id(kind int, n int) RETURNS uuid IMMUTABLE LANGUAGE sql AS
    $$ SELECT (lpad(to_hex(kind), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
CREATE FUNCTION bench.brand() RETURNS uuid IMMUTABLE LANGUAGE sql AS $$ SELECT bench.id(255, 1) $$;
GRANT USAGE ON SCHEMA bench TO yundian_app;

INSERT INTO brand (id, code, name, created_at) VALUES (bench.brand(), 'bench', 'Bench', now());
INSERT INTO brand_policy (brand_id, id, created_at, updated_at, version, display_name, default_locale, time_zone, currency, after_sale_days, link_window_days)
    VALUES (bench.brand(), bench.brand(), now(), now(), 1, 'Bench', 'zh_CN', 'Asia/Shanghai', 'CNY', 7, 30);
INSERT INTO stores_shop (brand_id, id, created_at, updated_at, version, code, name, status, country, province, city, district, address, postcode, phone, time_zone, source, source_ref)
    SELECT bench.brand(), bench.id(1, n), now(), now(), 1, 'S' || n, 'Shop ' || n, 'open', 'CN', '', '', '', '', '', '', 'Asia/Shanghai', '', '' FROM generate_series(1, 41) n;
INSERT INTO catalog_product (brand_id, id, created_at, updated_at, version, code, name, product_line, category, product_type, description, status)
    SELECT bench.brand(), bench.id(12, n), now(), now(), 1, 'P' || n, 'A lipstick', '', '', '', '', 'on_sale' FROM generate_series(1, 41) n;
INSERT INTO catalog_sku (brand_id, id, created_at, updated_at, version, product_id, code, shade_name, option_text, price_minor, currency, status, position)
    SELECT bench.brand(), bench.id(5, n), now(), now(), 1, bench.id(12, n / 2), 'K' || n, 'Rose', '', 1990, 'CNY', 'active', 1 FROM generate_series(2, 83) n;
INSERT INTO stores_stock (brand_id, id, created_at, shop_id, sku_id, on_hand, reserved, low_at)
    SELECT bench.brand(), bench.id(4, n), now(), bench.id(1, n / 2), bench.id(5, n), 10000000, 0, 0 FROM generate_series(2, 83) n;
INSERT INTO groupbuy_campaign (brand_id, id, created_at, updated_at, version, code, name, title, description, state, size, starts_at, ends_at, group_life_s, seat_life_s, per_member_limit, pieces_per_seat, late_policy, is_all_shops, has_pickup_choice, published_at)
    SELECT bench.brand(), bench.id(2, n), now(), now(), 1, 'c' || n, 'A group-buy', 'A group-buy', '', 'published', 10, now() - interval '1 hour', now() + interval '1 day', 86400, 900, 1, 2, 'open_new_group', true, true, now() FROM generate_series(1, 41) n;
INSERT INTO groupbuy_item (brand_id, id, created_at, campaign_id, sku_id, position, sku_code, name, shade_name, single_price_minor, group_price_minor, currency, quota, reserved, sold)
    SELECT bench.brand(), bench.id(3, n), now(), bench.id(2, n / 2), bench.id(5, n), n % 2, 'K' || n, 'A lipstick', 'Rose', 1990, 1250, 'CNY', 10000000, 0, 0 FROM generate_series(2, 83) n;
INSERT INTO attribution_link (brand_id, id, created_at, token, shop_id, kind, target_type, target_id, target_path, campaign_id, channel, title, picture, currency, old_opens)
    SELECT bench.brand(), bench.id(11, n), now(), 'bench' || lpad(n::text, 5, '0'), bench.id(1, n), 'campaign', 'groupbuy.campaign', bench.id(2, n), '/m/bench/c/c' || n, bench.id(2, n), 'share', 'A group-buy', '', 'CNY', 0 FROM generate_series(1, 41) n;
