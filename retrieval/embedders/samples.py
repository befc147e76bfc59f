"""Texts that the bundled embedder's eight-bit graph is fitted to and, on others, checked with."""

from __future__ import annotations

from typing import Final

FITTING: Final = (
    "",
    "Why?",
    "lighthouse",
    "When was the old railway bridge over the river opened to traffic?",
    "how to reset a forgotten password on the admin page",
    "The committee met on 14 March 1998 and approved a budget of 3.6 million euros, 12% less than in the year before.",
    "def area(radius: float) -> float: return 3.14159 * radius ** 2  # square metres",
    "| city | population | area km2 |\n| --- | --- | --- |\n| Northport | 48,210 | 61.5 |\n| Elm Hill | 9,004 | 12.0 |",
    "She packed two shirts, a torch and the letter, closed the door without a sound and walked to the harbour, "
    "where the night ferry was already lowering its ramp. Nobody asked for her ticket. By the time the island "
    "came into view the fog had lifted, and the lamps along the quay lay on the water like a second row of "
    "houses, upside down.",
    "A heat pump moves heat instead of making it: for each kilowatt hour of electricity it brings two to four "
    "kilowatt hours of warmth into the house. Its efficiency falls as the difference between the outside air and "
    "the heating water grows, which is why low flow temperatures, large radiators and good insulation matter "
    "more than the label on the machine. In a survey of 212 homes the median seasonal figure was 3.1; the best "
    "tenth exceeded 4.2, and the worst tenth, mostly houses with small radiators and water at 60 degrees, stayed "
    "below 2.3. Owners who lowered the flow temperature by five degrees saved about eleven per cent without "
    "noticing a colder room.",
    "¿Dónde está la estación de trenes más cercana?",
    "Der Vertrag endet nach zwölf Monaten, sofern er nicht schriftlich verlängert wird.",
    "这座城市的地铁在二〇一九年开通了第三条线路。",
    "電池の寿命は気温によって変わります。",
    "한국어 문서도 검색할 수 있어야 합니다.",
    "Кто написал этот роман?",
)

CHECKING: Final = (
    "ok",
    "tax",
    "What is the capital of the province?",
    "Which element has the highest melting point?",
    "who invented the first mechanical clock and where did he live",
    "Error 0x80070005: access denied while opening C:\\data\\report.csv",
    "SELECT name, total FROM orders WHERE total > 100 ORDER BY total DESC LIMIT 5;",
    "Results: accuracy 0.912, recall 0.874, F1 0.893 (n = 1,204, p < 0.01).",
    "Two brothers inherit a bakery and cannot agree whether to sell bread or cakes.",
    "The enzyme binds its substrate in a narrow pocket, where two histidines hold a zinc ion in place.",
    "Under Article 7 the tenant may end the lease with three months' notice; the deposit is returned within 30 days.",
    "Photosynthesis turns light into chemical energy. In the first stage water is split and oxygen released; in "
    "the second, carbon dioxide is built into sugar.",
    "Our quarterly revenue rose by 8% to 41.2 million, driven by subscriptions, while hardware sales fell for "
    "the third time in a row. Management expects a stable margin and keeps its forecast for the year.",
    "# Installing\n\n1. Download the archive.\n2. Unpack it.\n3. Run `make install` as root.\n\nSee also: Upgrading.",
    "The storm reached the coast shortly before midnight. Roofs were torn from eleven houses in the old town, "
    "and the bridge to the mainland stayed closed until Thursday. Rescue teams brought forty people, most of "
    "them elderly, to the school on the hill; nobody was seriously hurt. The mayor, who had asked for a higher "
    "dyke since 2011, said that the damage was smaller than feared because the wind had turned in the last hour.",
    "In the beginning the workshop had four looms and a single window. Cloth was sold at the monthly market, and "
    "what could not be sold was kept for the winter. When the canal was finished, cotton came cheaper by water "
    "than wool came over the hills, and within ten years the valley had nineteen mills. The owners built rows of "
    "brick houses for the families who came to work in them: two rooms below, two above, a yard shared by eight. "
    "A school followed, then a library with three hundred books, paid for by a penny a week. The last mill "
    "closed in 1974. Its engine, which had turned every shaft in the building for sixty years, is shown on "
    "Sundays, and the houses, which nobody wanted for a generation, are now the most expensive in the town.",
    "!!! ??? ... --- ***",
    "2024-02-29T23:59:59Z",
    "Comment fonctionne un moteur électrique ?",
    "La biblioteca abre a las nueve de la mañana y cierra a las ocho.",
    "电动汽车的电池能用多少年？",
    "研究人员在湖边发现了一种新的鸟类，并记录了它的叫声。",
    "図書館は月曜日に休みです。",
    "서울에서 부산까지 기차로 얼마나 걸립니까?",
)

PROOF: Final = FITTING[5]
"""Embedded at every start: a processor that makes another vector of it than the one that built the graph is told."""
