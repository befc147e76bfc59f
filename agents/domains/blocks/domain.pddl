; Blocks on a table, and a hand that holds one of them.
(define (domain blocks)
  (:requirements :strips :typing)
  (:types block)
  (:predicates
    (on ?upper ?lower - block)
    (on-table ?b - block)
    (clear ?b - block)
    (holding ?b - block)
    (hand-empty))
  (:action pick-up
    :parameters (?b - block)
    :precondition (and (hand-empty) (on-table ?b) (clear ?b))
    :effect (and (holding ?b) (not (hand-empty)) (not (on-table ?b)) (not (clear ?b))))
  (:action put-down
    :parameters (?b - block)
    :precondition (holding ?b)
    :effect (and (hand-empty) (on-table ?b) (clear ?b) (not (holding ?b))))
  (:action unstack
    :parameters (?upper ?lower - block)
    :precondition (and (hand-empty) (on ?upper ?lower) (clear ?upper))
    :effect (and (holding ?upper) (clear ?lower) (not (hand-empty)) (not (on ?upper ?lower)) (not (clear ?upper))))
  (:action stack
    :parameters (?upper ?lower - block)
    :precondition (and (holding ?upper) (clear ?lower))
    :effect (and (hand-empty) (on ?upper ?lower) (clear ?upper) (not (holding ?upper)) (not (clear ?lower)))))
