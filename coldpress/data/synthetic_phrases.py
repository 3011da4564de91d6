"""Phrases of the synthetic benchmark: requests to an imaginary shop.

`{name}` is replaced by any entry of `SLOTS[name]`.
"""

from __future__ import annotations

INTENTS: dict[str, tuple[str, ...]] = {
    "account_access": (
        "i {cannot} {enter} my account{since}",
        "my password {fails}, {howto} i reset it",
        "the {app} says my email is unknown when i {enter} it",
        "{please} unlock my account, i am locked out{since}",
        "the code for logging in never {arrives}",
        "{howto} i change the password of my account",
        "two factor {fails} on my new phone and i {cannot} {enter}",
        "i {want} to {enter} the {app} but it throws me out",
    ),
    "cancel_order": (
        "{please} cancel order {number}",
        "i {want} to cancel the {product} i ordered {when}",
        "stop {order} before it is shipped",
        "{howto} i take back {order}, it has not been sent",
        "i ordered the {product} by mistake, {please} do not send it",
        "i changed my mind about {order}, {please} call it off",
        "is it too late to cancel the {product}",
        "do not ship {order}, i bought the {product} in a {shop}",
    ),
    "change_address": (
        "{please} send {order} to {city} {instead}",
        "i moved to {city}, {howto} i change where {order} goes",
        "the street for {order} is wrong, {please} fix it",
        "i {want} to update my shipping address",
        "{order} should go to my office in {city}",
        "the house number on {order} is missing a digit",
        "deliver the {product} to my neighbour in {city} {instead}",
        "i typed the wrong postcode for {order}",
    ),
    "damaged_item": (
        "the {product} came {broken}",
        "my {product} is {broken} after {days}",
        "i unpacked the {product} and it was {broken}",
        "the {product} from {order} does not turn on",
        "there is a {flaw} on the new {product}",
        "the {product} stopped working {when}",
        "the box was crushed and the {product} is {broken}",
        "one part of the {product} is {broken}, what now",
    ),
    "exchange_item": (
        "the {product} is too {size}, can i swap it",
        "i {want} the {product} in {colour} {instead}",
        "{howto} i exchange the {product} for a {colour} one",
        "can i trade the {product} for another size",
        "you sent {colour} but i {want} {colour2}, {please} swap the {product}",
        "the {product} is fine but too {size} for me, i {want} another",
        "{please} replace the {product} with the {size2} one",
        "is it possible to change my {product} for a {product2}",
    ),
    "invoice_copy": (
        "{please} send me the invoice for {order}",
        "i {want} a receipt for the {product}",
        "{howto} i download the bill of {when}",
        "my accountant {needs} the invoice of order {number}",
        "there was no receipt in the parcel with the {product}",
        "{please} put my company name on the invoice for {order}",
        "i {want} a copy of the bill with the tax on it",
        "the invoice for {order} never {arrives} by email",
    ),
    "order_status": (
        "where is {order}",
        "when will the {product} {arrive}",
        "has {order} been shipped yet",
        "{order} should have been here {when}",
        "the tracking for {order} has not moved for {days}",
        "the courier says {city} but {order} is not here",
        "how long does {order} still take",
        "i have waited {days} for the {product}",
    ),
    "payment_problem": (
        "my card was declined for the {product}",
        "i was charged twice for {order}",
        "the payment for {order} {fails} every time",
        "you took {amount} but there is no order",
        "{pay} {fails} at the checkout",
        "why is {amount} on my statement, i never bought that",
        "the voucher was not taken off {order}",
        "i {cannot} pay for the {product} with {pay}",
    ),
    "refund_status": (
        "where is my refund for {order}",
        "i sent the {product} back {when} and still have no money",
        "when do i get the {amount} back",
        "my refund of {amount} has not {arrived}",
        "how long does the money for the returned {product} take",
        "you promised {amount} back {when}",
        "has the refund for order {number} been paid out",
        "the {product} went back to you {when}, where is the {amount}",
    ),
    "stock_question": (
        "is the {product} in stock",
        "do you have the {product} in {colour}",
        "when will the {product} be available again",
        "does the {product} fit a {product2}",
        "is the {size} {product} sold in {city}",
        "how much is the {colour} {product}",
        "can i buy the {product} in a {shop} in {city}",
        "will there be a new {product} {soon}",
    ),
}

AMBIGUOUS: tuple[tuple[tuple[str, str], str], ...] = (
    (("account_access", "payment_problem"), "the {app} {fails} whenever i reach the last page"),
    (("cancel_order", "refund_status"), "i {want} my money back for {order}"),
    (("cancel_order", "exchange_item"), "i no longer {want} the {colour} {product}"),
    (("change_address", "order_status"), "{order} is on its way to the wrong {place}"),
    (("damaged_item", "exchange_item"), "the {product} is not right, i {want} another one"),
    (("damaged_item", "refund_status"), "the {product} was no good and i {want} the {amount}"),
    (("exchange_item", "stock_question"), "do you have the {product} in another {colour}"),
    (("invoice_copy", "payment_problem"), "the {amount} on my bill for {order} looks wrong"),
    (("invoice_copy", "account_access"), "i {cannot} find the papers of {order} in the {app}"),
    (("order_status", "stock_question"), "when can i have the {product}"),
    (("order_status", "refund_status"), "i am still waiting for {order}, it has been {days}"),
    (("cancel_order", "change_address"), "{order} must not go to {city}"),
)

# What each intent is about, as it stands in the frames below.
MATTERS: dict[str, tuple[str, ...]] = {
    "account_access": ("my login", "my password", "getting into my account", "the locked account"),
    "cancel_order": ("a cancellation", "cancelling {order}", "calling off {order}"),
    "change_address": ("a new address", "sending it to {city}", "the postcode of {order}"),
    "damaged_item": ("the {broken} {product}", "damage to {order}", "a {flaw} on the {product}"),
    "exchange_item": ("an exchange", "swapping the {product}", "getting a {size2} {product}"),
    "invoice_copy": ("the invoice", "a receipt for {order}", "a bill with the tax on it"),
    "order_status": ("the tracking of {order}", "the delivery date", "the late parcel"),
    "payment_problem": ("my declined card", "the double charge", "paying with {pay}"),
    "refund_status": ("my refund", "getting my {amount} back", "the money you owe me"),
    "stock_question": ("what you have in stock", "a {colour} {product} in a {shop}", "the price"),
}

# What else one might say when searching for a matter.
DETAILS: tuple[str, ...] = (
    "for the {product}",
    "after {days}, {city}",
    "in {city} {when}",
    "of order {number}",
    "and the {colour} {product}",
)

# Only the place in the frame tells which of two matters the customer asks about: counting words
# does not.
FRAMES: tuple[str, ...] = (
    "not {other} but {this}",
    "this is about {this}, not about {other}",
    "forget {other}, i am asking about {this}",
    "what about {this}, since {other} is settled",
)

# A matter that is settled: a message that only says so asks for nothing.
SETTLED: tuple[str, ...] = (
    "{other} is settled by now",
    "thanks for your help with {other}",
    "you have already answered me about {other}",
    "no need to look into {other} any more",
)

# Between two matters of a message.
JOINTS = (" and ", ". also ", ", besides ", ". another thing: ", "; and then ")

SLOTS: dict[str, tuple[str, ...]] = {
    "amount": ("12 euro", "19.99", "35 dollars", "48.50", "75 euro", "99", "120 pounds", "249.00"),
    "app": ("app", "website", "site", "shop page", "page", "portal"),
    "arrive": ("arrive", "get here", "come", "be delivered", "turn up"),
    "arrived": ("arrived", "come", "reached my bank", "shown up"),
    "arrives": ("arrives", "comes", "shows up", "gets here"),
    "broken": ("broken", "cracked", "scratched", "dented", "torn", "leaking", "dead", "bent"),
    "cannot": ("cannot", "can't", "am not able to", "can not"),
    "city": ("berlin", "leeds", "porto", "lyon", "graz", "ghent", "turin", "oslo", "cork", "brno"),
    "colour": ("black", "white", "red", "blue", "green", "grey", "yellow", "brown"),
    "colour2": ("silver", "pink", "orange", "purple", "navy", "beige"),
    "days": ("two days", "three days", "a week", "ten days", "two weeks", "a month", "ages"),
    "enter": ("log into", "get into", "sign in to", "open", "access"),
    "fails": ("does not work", "fails", "is not accepted", "keeps failing", "is refused"),
    "flaw": ("scratch", "dent", "crack", "hole", "stain", "loose screw"),
    "howto": ("how do", "how can", "where do", "can"),
    "instead": ("instead", "please", "if possible", "rather than home"),
    "needs": ("needs", "asks for", "wants"),
    "number": tuple(str(number) for number in range(10007, 99000, 631)),
    "order": ("my order", "order {number}", "the {product}", "my {product}", "my parcel"),
    "pay": ("paypal", "my credit card", "the gift card", "apple pay", "bank transfer", "my visa"),
    "place": ("place", "town", "street", "address", "city"),
    "please": ("please", "could you", "can you", "kindly", "i need you to", "would you"),
    "product": (
        *("kettle", "lamp", "jacket", "backpack", "blender", "toaster"),
        *("keyboard", "monitor", "camera", "tent", "bicycle", "helmet"),
        *("drill", "vacuum", "chair", "desk", "sofa", "mirror"),
        *("watch", "tablet", "phone", "charger", "printer", "speaker"),
        *("router", "sweater", "raincoat", "suitcase", "pan", "teapot"),
        *("grinder", "pillow", "blanket", "curtain", "rug", "clock"),
    ),
    "product2": ("scooter", "stroller", "bookshelf", "mattress", "laptop", "microwave", "guitar"),
    "shop": ("shop", "store", "branch"),
    "since": ("", " since monday", " since the update", " any more", " from my phone", " today"),
    "size": ("small", "big", "tight", "long", "short", "wide", "heavy"),
    "size2": ("larger", "smaller", "lighter", "newer"),
    "soon": ("soon", "this year", "in spring", "before christmas"),
    "want": ("want", "would like", "need", "am asking for"),
    "when": ("yesterday", "last week", "on monday", "in march", "two weeks ago", "on the 3rd"),
}

OPENINGS = (
    *("hi", "hello", "hey", "good morning", "dear team", "hi there", "good evening"),
    *("sorry to bother you", "quick question", "hello again", "not sure whom to ask", "help"),
)
CLOSINGS = (
    *("thanks", "thank you", "many thanks", "cheers", "best regards", "please hurry"),
    *("this is urgent", "i am a bit annoyed", "hope you can help", "waiting for your answer"),
)
