// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {GrantsFixture} from "./GrantsFixture.sol";
import {AssetFactory} from "../src/AssetFactory.sol";
import {Grants} from "../src/Grants.sol";
import {GrantsEscrow} from "../src/GrantsEscrow.sol";

/// What buyers ask for, and that their money ends with the owners or with them.
contract GrantsTest is GrantsFixture {
    function buyerGetsBack(uint256 amount) private {
        vm.assertEq(grants.creditOf(buyer), amount, "credit");
        uint256 before = dollar.balanceOf(buyer);
        vm.expectEmit(address(grants));
        emit GrantsEscrow.CreditPaid(buyer, amount);
        vm.prank(stranger);
        vm.assertEq(grants.payCredit(buyer), amount, "paid");
        vm.assertEq(dollar.balanceOf(buyer), before + amount, "the buyer has it");
        vm.assertEq(dollar.balanceOf(stranger), 0, "the caller gets nothing");
        vm.assertEq(grants.payCredit(buyer), 0, "nothing is left");
    }

    // The ways a request can go

    function test_GrantedUsedAndSettledPaysTheOwners() public {
        Grants.Terms memory t = termsOf("one");
        bytes32 id = idOf(t);
        vm.expectEmit(address(grants));
        emit Grants.Requested(id, buyer, t, CODE);
        vm.prank(stranger);
        vm.assertEq(ask(t), id, "identifier");
        isIn(id, Grants.State.Requested, "requested");
        moneyIs(PRICE, 0, 0);

        Action memory a = approvalOf(id);
        decide(a, FOR);
        vm.assertTrue(!governor.isRejected(id), "not rejected");
        queue(a);
        skip(5);
        vm.expectEmit(address(grants));
        emit Grants.Approved(id, true);
        execute(a);
        isIn(id, Grants.State.Approved, "approved");

        vm.expectEmit(address(grants));
        emit Grants.UseOpened(id, 1, runner(0), ONE_TIME_KEY, 1, uint64(vm.getBlockTimestamp() + 100));
        open(id, 1);
        Grants.Grant memory g = grants.grantOf(id);
        isIn(id, Grants.State.UseOpened, "opened");
        vm.assertEq(g.runner, runner(0), "runner");
        vm.assertEq(g.oneTimeKey, ONE_TIME_KEY, "key");
        vm.assertEq(g.useDeadline, vm.getBlockTimestamp() + 100, "deadline");

        vm.expectEmit(address(grants));
        emit Grants.ResultPosted(id, 1, runner(0), RESULT, INPUTS, uint64(vm.getBlockTimestamp()));
        vm.expectEmit(address(grants));
        emit GrantsEscrow.Settled(id, 1, PRICE);
        finish(id, 1);
        isIn(id, Grants.State.Settled, "settled");
        moneyIs(0, 0, PRICE);
        uint256 claimable;
        for (uint256 i = 0; i < 4; i++) {
            claimable += token.claimable(owner(i));
        }
        vm.assertGe(claimable + 4, PRICE, "the owners can claim it, but for fractions");
        g = grants.grantOf(id);
        vm.assertEq(g.runner, address(0), "no runner is left for guardians to read");
        vm.assertEq(g.oneTimeKey, 0, "nor a key");
        vm.assertEq(g.keyVersion, 0, "nor a version");
        vm.assertEq(g.useDeadline, 0, "nor a deadline");
    }

    function test_VotedDownIsRefundedAtOnce() public {
        bytes32 id = ask(termsOf("one"));
        Action memory a = approvalOf(id);
        decide(a, AGAINST);
        vm.assertTrue(governor.isRejected(id) && grants.isRefundable(id), "rejected");
        refuses(
            address(governor),
            queueCall(a),
            abi.encodeWithSignature(
                "GovernorUnexpectedProposalState(uint256,uint8,bytes32)", proposalOf(a), 3, bytes32(uint256(16))
            )
        );
        vm.expectEmit(address(grants));
        emit GrantsEscrow.Refunded(id, buyer, PRICE);
        vm.prank(stranger);
        grants.refund(id);
        isIn(id, Grants.State.Refunded, "refunded");
        moneyIs(0, PRICE, 0);
        buyerGetsBack(PRICE);
        moneyIs(0, 0, 0);
    }

    function test_TooFewVotesAreRefundedAtOnce() public {
        bytes32 id = ask(termsOf("one"));
        uint256 proposal = propose(approvalOf(id), stranger);
        vm.warp(governor.proposalDeadline(proposal) + 1);
        grants.refund(id);
        moneyIs(0, PRICE, 0);
    }

    function test_RevokedByVoteBeforeAUseIsRefunded() public {
        bytes32 id = granted("one");
        Action memory a = revocationOf(id);
        decide(a, FOR);
        queue(a);
        skip(5);
        vm.expectEmit(address(grants));
        emit Grants.Revoked(id);
        execute(a);
        isIn(id, Grants.State.Refunded, "refunded");
        refuses(address(grants), openCall(runnerKeys[0], id, 1, 1), wrongState(id, Grants.State.Refunded));
        moneyIs(0, PRICE, 0);
        buyerGetsBack(PRICE);
    }

    function test_RevokedWhileAUseIsOpenIsRefunded() public {
        AssetFactory.AssetParams memory p = params("patient");
        p.charter.useTime = 1000;
        useAsset(p);
        grow();
        bytes32 id = granted("one");
        open(id, 1);
        carryOut(revocationOf(id));
        refuses(address(grants), resultCall(runnerKeys[0], id, 1), wrongState(id, Grants.State.Refunded));
        vm.assertEq(grants.grantOf(id).runner, address(0), "guardians see no runner");
        moneyIs(0, PRICE, 0);
    }

    function test_RunnerThatDiesIsTimedOutAndTheBuyerRefunded() public {
        bytes32 id = granted("one");
        open(id, 1);
        uint256 deadline = vm.getBlockTimestamp() + 100;
        bytes memory refund = abi.encodeCall(grants.refund, (id));
        vm.warp(deadline);
        refuses(address(grants), refund, wrongState(id, Grants.State.UseOpened));
        vm.warp(deadline + 1);
        refuses(
            address(grants),
            resultCall(runnerKeys[0], id, 1),
            abi.encodeWithSelector(Grants.TooLate.selector, deadline)
        );
        grants.refund(id);
        moneyIs(0, PRICE, 0);
        buyerGetsBack(PRICE);
    }

    function test_RunnerThatFailsGivesTheMoneyBack() public {
        bytes32 id = granted("one");
        open(id, 1);
        vm.expectEmit(address(grants));
        emit Grants.UseFailed(id, 1, runner(0), "timeout");
        giveUp(id, 1);
        isIn(id, Grants.State.Refunded, "refunded");
        moneyIs(0, PRICE, 0);
        buyerGetsBack(PRICE);
    }

    function test_GrantThatNobodyUsesIsRefundedAfterItsExpiry() public {
        Grants.Terms memory t = termsOf("one");
        bytes32 id = granted(t);
        bytes memory refund = abi.encodeCall(grants.refund, (id));
        vm.warp(t.expiry);
        refuses(address(grants), refund, wrongState(id, Grants.State.Approved));
        vm.warp(t.expiry + 1);
        grants.refund(id);
        moneyIs(0, PRICE, 0);
    }

    function test_RequestThatNobodyProposesIsRefundedAfterItsExpiry() public {
        Grants.Terms memory t = termsOf("one");
        bytes32 id = ask(t);
        bytes memory refund = abi.encodeCall(grants.refund, (id));
        refuses(address(grants), refund, wrongState(id, Grants.State.Requested));
        vm.warp(t.expiry);
        refuses(address(grants), refund, wrongState(id, Grants.State.Requested));
        vm.warp(t.expiry + 1);
        grants.refund(id);
        moneyIs(0, PRICE, 0);
    }

    function test_EachUseIsPaidForAloneAndTheRestGoesBack() public {
        Grants.Terms memory t = termsOf("three");
        t.uses = 3;
        bytes32 id = granted(t);
        moneyIs(3 * PRICE, 0, 0);
        open(id, 1);
        finish(id, 1);
        isIn(id, Grants.State.Approved, "two more");
        moneyIs(2 * PRICE, 0, PRICE);
        open(id, 2);
        finish(id, 2);
        moneyIs(PRICE, 0, 2 * PRICE);
        open(id, 3);
        giveUp(id, 3);
        isIn(id, Grants.State.Refunded, "over");
        vm.assertEq(grants.grantOf(id).settledUses, 2, "settled");
        moneyIs(0, PRICE, 2 * PRICE);
        buyerGetsBack(PRICE);
    }

    function test_AllUsesSettledEndTheGrant() public {
        Grants.Terms memory t = termsOf("two");
        t.uses = 2;
        bytes32 id = granted(t);
        for (uint32 use = 1; use <= 2; use++) {
            open(id, use);
            finish(id, use);
        }
        isIn(id, Grants.State.Settled, "settled");
        moneyIs(0, 0, 2 * PRICE);
        refuses(address(grants), openCall(runnerKeys[0], id, 3, 1), wrongState(id, Grants.State.Settled));
        vm.warp(t.expiry + 200 days);
        refuses(address(grants), abi.encodeCall(grants.refund, (id)), wrongState(id, Grants.State.Settled));
    }

    function test_CreditsOfSeveralRequestsAddUp() public {
        Grants.Terms memory t = termsOf("one");
        ask(t);
        Grants.Terms memory u = termsOf("two");
        u.uses = 5;
        ask(u);
        vm.warp(t.expiry + 1);
        grants.refund(idOf(t));
        grants.refund(idOf(u));
        buyerGetsBack(6 * PRICE);
    }

    // Wrong states

    function test_OnlyTheTimelockApprovesAndRevokes() public {
        bytes32 id = ask(termsOf("one"));
        address[5] memory others = [address(this), buyer, founder, owner(3), address(governor)];
        for (uint256 i = 0; i < others.length; i++) {
            bytes memory why = abi.encodeWithSelector(Grants.NotTimelock.selector, others[i]);
            vm.prank(others[i]);
            refuses(address(grants), abi.encodeCall(grants.approve, (id)), why);
            vm.prank(others[i]);
            refuses(address(grants), abi.encodeCall(grants.revoke, (id)), why);
        }
        isIn(id, Grants.State.Requested, "nothing happened");
    }

    function fromTimelock(bytes memory call, bytes memory why) private {
        vm.prank(address(timelock));
        refuses(address(grants), call, why);
    }

    function refusesAllIn(bytes32 id, Grants.State state) private {
        bytes memory why = wrongState(id, state);
        uint32 next = grants.grantOf(id).settledUses + 1;
        if (state != Grants.State.Requested) fromTimelock(abi.encodeCall(grants.approve, (id)), why);
        if (state == Grants.State.None || state == Grants.State.Settled || state == Grants.State.Refunded) {
            fromTimelock(abi.encodeCall(grants.revoke, (id)), why);
        }
        if (state != Grants.State.Approved && state != Grants.State.UseOpened) {
            refuses(address(grants), openCall(runnerKeys[0], id, next, 1), why);
        }
        if (state != Grants.State.UseOpened) {
            refuses(address(grants), resultCall(runnerKeys[0], id, next), why);
            refuses(address(grants), failureCall(runnerKeys[0], id, next), why);
        }
        refuses(address(grants), abi.encodeCall(grants.refund, (id)), why);
    }

    function test_NothingMovesARequestThatIsNotInTheRightState() public {
        Grants.Terms memory t = termsOf("one");
        bytes32 id = idOf(t);
        refusesAllIn(id, Grants.State.None);
        ask(t);
        refusesAllIn(id, Grants.State.Requested);
        carryOut(approvalOf(id));
        refusesAllIn(id, Grants.State.Approved);
        open(id, 1);
        refusesAllIn(id, Grants.State.UseOpened);
        finish(id, 1);
        refusesAllIn(id, Grants.State.Settled);
        bytes32 other = granted("two");
        open(other, 1);
        giveUp(other, 1);
        refusesAllIn(other, Grants.State.Refunded);
    }

    function test_RequestCannotBeMadeTwiceInAnyState() public {
        Grants.Terms memory t = termsOf("one");
        bytes32 id = ask(t);
        bytes memory again = requestCall(t);
        refuses(address(grants), again, wrongState(id, Grants.State.Requested));
        carryOut(approvalOf(id));
        refuses(address(grants), again, wrongState(id, Grants.State.Approved));
        open(id, 1);
        refuses(address(grants), again, wrongState(id, Grants.State.UseOpened));
        giveUp(id, 1);
        refuses(address(grants), again, wrongState(id, Grants.State.Refunded));
    }

    function test_ApprovalComesInTimeOrNotAtAll() public {
        Grants.Terms memory t = termsOf("one");
        bytes32 id = ask(t);
        Action memory a = approvalOf(id);
        decide(a, FOR);
        queue(a);
        vm.warp(t.expiry + 1);
        refuses(address(governor), executeCall(a), abi.encodeWithSelector(Grants.TooLate.selector, t.expiry));
        vm.warp(t.expiry);
        execute(a);
        isIn(id, Grants.State.Approved, "at the last second");
    }

    function test_RefundedRequestCannotBeApprovedByAVoteThatStillWaits() public {
        Grants.Terms memory t = termsOf("one");
        bytes32 id = ask(t);
        Action memory a = approvalOf(id);
        decide(a, FOR);
        queue(a);
        vm.warp(t.expiry + 1);
        grants.refund(id);
        refuses(address(governor), executeCall(a), wrongState(id, Grants.State.Refunded));
    }
}
